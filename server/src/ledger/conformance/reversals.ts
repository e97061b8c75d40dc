/** Money that is moved back: in part or whole, never more than was moved, and by whom it may be. */
import { expect, it } from 'vitest'
import { encodeId } from '../../kernel/ids.ts'
import type { InstructionField } from '../core/refusals.ts'
import type { ReversalInstruction } from '../engine.ts'
import type { World } from './world.ts'

/** A transfer of 300 from a customer with 500 to one with 50. */
async function paid(world: World) {
  const [from, to] = [await world.customer(500), await world.customer(50)]
  const original = await world.mustPost(world.transfer(from, to, 300))
  return { from, to, original }
}

const exceeded = (available: number, requested: number) => ({
  code: 'reversal_exceeds_original',
  available,
  requested,
  currency: 'EUR',
})

export function reversalCases(use: () => World): void {
  it('moves all of a transfer back, with its sides swapped and linked to it', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    const words = { description: 'Sorry', reference: 'r1', metadata: { a: 'b' } }
    const reversal = await world.mustPost(world.reversal(to, original, words))
    expect(reversal).toMatchObject({
      ...words,
      kind: 'reversal',
      reversesId: original.id,
      holdId: null,
      principalId: to.ownerId,
      debitAccountId: to.accountId,
      creditAccountId: from.accountId,
      amount: 300,
      currency: 'EUR',
      debitBalanceAfter: 50n,
      creditBalanceAfter: 500n,
    })
    const transfers = await world.harness.transfers()
    expect(transfers.find(({ id }) => id === reversal.id)).toEqual(reversal)
    expect(transfers.find(({ id }) => id === original.id)).toEqual(original)
  })

  it('moves back in parts, at most the whole, and then nothing', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    await world.mustPost(world.deposit(to, 1000))
    await world.mustPost(world.reversal(to, original, { amount: 100 }))
    const beyond = await world.ledger.post(world.reversal(to, original, { amount: 201 }))
    expect(beyond).toMatchObject({ refusal: exceeded(200, 201) })
    await world.mustPost(world.reversal(to, original, { amount: 150 }))
    const rest = await world.mustPost(world.reversal(to, original))
    expect(rest.amount).toBe(50)
    const again = [
      await world.ledger.post(world.reversal(to, original)),
      await world.ledger.post(world.reversal(to, original, { amount: 1 })),
    ]
    expect(again).toMatchObject([{ refusal: exceeded(0, 300) }, { refusal: exceeded(0, 1) }])
    expect(await world.balanceOf(from)).toBe(500n)
  })

  it('is refused where the receiver no longer has the money, held money included', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    await world.mustHold(world.hold(to, from, 100))
    const refused = await world.ledger.post(world.reversal(to, original))
    const facts = { available: 250, requested: 300, currency: 'EUR' }
    expect(refused).toMatchObject({ refusal: { code: 'insufficient_funds', ...facts } })
    await world.mustPost(world.reversal(to, original, { amount: 250 }))
  })

  it('is as unknown to the payer and to strangers as what is not there', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    const notFound = { kind: 'refused', refusal: { code: 'transfer_not_found' } }
    for (const asking of [from, await world.customer()]) {
      expect(await world.ledger.post(world.reversal(asking, original))).toMatchObject(notFound)
    }
    const nowhere = world.reversal(to, { id: world.newId() })
    const first = await world.ledger.post(nowhere)
    expect(first).toMatchObject(notFound)
    expect(await world.ledger.post(nowhere)).toEqual({ ...first, replayed: true })
  })

  it('moves a capture back, but not a reversal', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const hold = await world.mustHold(world.hold(from, to, 300))
    const capture = await world.mustPost(world.capture(from, hold))
    const reversal = await world.mustPost(world.reversal(to, capture))
    expect(await world.balanceOf(from)).toBe(500n)
    const notReversible = { kind: 'refused', refusal: { code: 'not_reversible' } }
    expect(await world.ledger.post(world.reversal(from, reversal))).toMatchObject(notReversible)
    const staff = { principalId: world.teller, authority: 'staff' } as const
    const byStaff = world.reversal(from, reversal, staff)
    expect(await world.ledger.post(byStaff)).toMatchObject(notReversible)
  })

  it('lets staff, and only them, move back what came from the bank or went to it', async () => {
    const world = use()
    const customer = await world.customer()
    const cash = await world.bankBalance('cash')
    const deposit = await world.mustPost(world.deposit(customer, 300))
    const withdrawal = await world.mustPost(world.withdrawal(customer, 100))
    const notReversible = { kind: 'refused', refusal: { code: 'not_reversible' } }
    const own = await world.ledger.post(world.reversal(customer, deposit))
    expect(own).toMatchObject(notReversible)
    const staff = { principalId: world.newId(), authority: 'staff' } as const
    const paidBack = await world.mustPost(world.reversal(customer, withdrawal, staff))
    const takenBack = await world.mustPost(world.reversal(customer, deposit, staff))
    expect(await world.balanceOf(customer)).toBe(0n)
    expect(await world.bankBalance('cash')).toBe(cash)
    const events = await world.harness.staffEvents(staff.principalId)
    expect(events).toMatchObject(
      [paidBack, takenBack].map(({ id }) => ({
        id,
        kind: 'reversal.posted',
        accountId: customer.accountId,
        facts: { transfer_id: encodeId('xfer', id) },
      })),
    )
  })

  it('lets staff move back what customers paid each other, save their own', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    for (const [teller, side] of [
      [to, 'debit'],
      [from, 'credit'],
    ] as const) {
      const staff = { principalId: teller.ownerId, authority: 'staff' } as const
      const own = await world.ledger.post(world.reversal(to, original, staff))
      expect(own).toMatchObject({ refusal: { code: 'own_account', side } })
    }
    const staff = { principalId: world.teller, authority: 'staff' } as const
    await world.mustPost(world.reversal(to, original, staff))
    expect(await world.balanceOf(from)).toBe(500n)
  })

  const changes: readonly [InstructionField, Partial<ReversalInstruction>][] = [
    ['transfer_id', { transferId: '00000000-0000-7000-8000-000000000001' }],
    ['amount', { amount: 300 }],
    ['description', { description: 'Tea' }],
    ['kind', { authority: 'staff' }],
  ]
  it.each(changes)('replays by its key and refuses it to another %s', async (field, change) => {
    const world = use()
    const { from, to, original } = await paid(world)
    const instruction = world.reversal(to, original, { metadata: { a: 'b' } })
    const first = await world.ledger.post(instruction)
    const again = await world.ledger.post({ ...instruction, requestId: 'request-again' })
    expect(again).toEqual({ ...first, replayed: true })
    const refusal = { code: 'idempotency_key_reused', fields: [field] }
    const other = await world.ledger.post({ ...instruction, ...change })
    expect(other).toMatchObject({ refusal, replayed: false })
    expect(await world.balanceOf(from)).toBe(500n)
  })

  it('never moves more back than was moved, whatever comes at once', async () => {
    const world = use()
    const { from, to, original } = await paid(world)
    await world.mustPost(world.deposit(to, 10_000))
    const outcomes = await world.postAll(
      Array.from({ length: 40 }, (_, index) =>
        world.reversal(to, original, { amount: 10 + (index % 7) }),
      ),
    )
    const back = outcomes.reduce(
      (sum, outcome) => sum + (outcome.kind === 'posted' ? outcome.transfer.amount : 0),
      0,
    )
    expect(back).toBeLessThanOrEqual(300)
    expect(back).toBeGreaterThan(283)
    expect(await world.balanceOf(from)).toBe(200n + BigInt(back))
  })
}
