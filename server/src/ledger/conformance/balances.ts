/** What money can be spent, how far balances reach, and that entries chain without a gap. */
import { expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import { assertChain, type Customer, type World } from './world.ts'

export function balanceCases(use: () => World): void {
  it('posts a transfer with both sides, their seq and their balances', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer(70)]
    const instruction = world.transfer(from, to, 100, { description: 'Tea', metadata: { a: 'b' } })
    const outcome = await world.ledger.post(instruction)
    assert(outcome.kind === 'posted', 'nothing refuses it')
    const { id, createdAt, ...rest } = outcome.transfer
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(createdAt.getTime()).toBeGreaterThan(0)
    expect(rest).toEqual({
      kind: 'transfer',
      principalId: from.ownerId,
      debitAccountId: from.accountId,
      creditAccountId: to.accountId,
      amount: 100,
      currency: 'EUR',
      description: 'Tea',
      reference: null,
      metadata: { a: 'b' },
      debitSeq: 2,
      creditSeq: 2,
      debitBalanceAfter: 400n,
      creditBalanceAfter: 170n,
      reversesId: null,
      holdId: null,
      groupId: null,
    })
    expect(outcome).toMatchObject({ replayed: false, requestId: instruction.requestId })
    expect(await world.ledger.account(to.accountId)).toEqual({
      id: to.accountId,
      ownerId: to.ownerId,
      currency: 'EUR',
      normalSide: 'credit',
      status: 'open',
      overdraftLimit: 0,
      transferLimit: null,
      dailyLimit: null,
      ledgerBalance: 170n,
      held: 0,
      version: 2,
    })
  })

  it('spends exactly what is available and not one more', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    await world.harness.arrange(from.accountId, { overdraftLimit: 200 })
    const refused = await world.ledger.post(world.transfer(from, to, 701))
    expect(refused).toMatchObject({ refusal: { available: 700, requested: 701 } })
    await world.mustPost(world.transfer(from, to, 700))
    expect(await world.balanceOf(from)).toBe(-200n)
    const one = await world.ledger.post(world.transfer(from, to, 1))
    expect(one).toMatchObject({ refusal: { code: 'insufficient_funds', available: 0 } })
  })

  it('lets the greatest balance be reached and refuses one more', async () => {
    const world = use()
    const [full, other] = [await world.customer(MINOR_MAX), await world.customer(1)]
    expect(await world.balanceOf(full)).toBe(BigInt(MINOR_MAX))
    const outcome = await world.ledger.post(world.transfer(other, full, 1))
    expect(outcome).toMatchObject({ refusal: { code: 'balance_out_of_range', side: 'credit' } })
    await world.mustPost(world.transfer(full, other, 1))
    await world.mustPost(world.transfer(other, full, 1))
  })

  it('lets the lowest balance be reached and refuses one more', async () => {
    const world = use()
    const [debtor, other] = [await world.customer(), await world.customer()]
    await world.harness.arrange(debtor.accountId, { overdraftLimit: MINOR_MAX })
    await world.mustPost(world.transfer(debtor, other, MINOR_MAX - 1))
    await world.mustPost(world.transfer(debtor, other, 1))
    expect(await world.balanceOf(debtor)).toBe(-BigInt(MINOR_MAX))
    const outcome = await world.ledger.post(world.transfer(debtor, other, 1))
    expect(outcome).toMatchObject({ refusal: { code: 'insufficient_funds', available: 0 } })
  })

  it("keeps the bank's accounts exact far beyond 2^63 in both directions", async () => {
    const world = use()
    const account = await world.customer()
    const amount = MINOR_MAX - 1
    const settlement = { credit: { bankCode: 'settlement:wide' } }
    const before = [await world.bankBalance('cash'), await world.bankBalance('settlement:wide')]
    const rounds = 1030
    const outcomes = await world.postAll(
      Array.from({ length: rounds }).flatMap(() => [
        world.deposit(account, amount),
        world.withdrawal(account, amount, settlement),
      ]),
    )
    expect(outcomes.every(({ kind }) => kind === 'posted')).toBe(true)
    const moved = BigInt(rounds) * BigInt(amount)
    expect(moved).toBeGreaterThan(2n ** 63n)
    expect(await world.bankBalance('cash')).toBe((before[0] ?? 0n) + moved)
    expect(await world.bankBalance('settlement:wide')).toBe((before[1] ?? 0n) - moved)
    expect(await world.balanceOf(account)).toBe(0n)
  })

  it('lets one of 200 transfers of a whole balance succeed', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const outcomes = await world.postAll(
      Array.from({ length: 200 }, () => world.transfer(from, to, 100)),
    )
    expect(outcomes.filter(({ kind }) => kind === 'posted')).toHaveLength(1)
    expect(outcomes[0]).toMatchObject({ kind: 'posted' })
    expect(await world.balanceOf(to)).toBe(100n)
  })

  it('decides instructions on one account in their order of arrival', async () => {
    const world = use()
    const [from, to] = [await world.customer(), await world.customer()]
    const outcomes = await world.postAll([
      world.deposit(from, 300),
      world.transfer(from, to, 200),
      world.transfer(from, to, 200),
      world.transfer(from, to, 100),
      world.withdrawal(to, 300),
    ])
    const kinds = outcomes.map(({ kind }) => kind).join(' ')
    expect(kinds).toBe('posted posted refused posted posted')
  })

  it('chains the entries of every account while many transfers cross', async () => {
    const world = use()
    const customers = await Promise.all(Array.from({ length: 6 }, () => world.customer(10_000)))
    const pick = (index: number): Customer => {
      const customer = customers[index % customers.length]
      assert(customer, 'an index within the customers')
      return customer
    }
    // Both directions of every pair, and now and then to oneself, which is refused.
    const outcomes = await world.postAll(
      Array.from({ length: 600 }, (_, index) =>
        world.transfer(pick(index), pick(Math.floor(index / 6) + index), (index % 90) + 1),
      ),
    )
    expect(outcomes.filter(({ kind }) => kind === 'posted').length).toBeGreaterThan(400)
    const transfers = await world.harness.transfers()
    let sum = 0n
    for (const { accountId } of customers) {
      const state = await world.ledger.account(accountId)
      assert(state, 'the account is there')
      assertChain(transfers, state)
      sum += state.ledgerBalance
    }
    expect(sum).toBe(60_000n)
  })
}
