/** A dry run decides as the real one would, and leaves nothing: no entry, no key. */
import { expect, it } from 'vitest'
import { groupOf } from './groups.ts'
import type { World } from './world.ts'

export function dryRunCases(use: () => World): void {
  const dryRun = { dryRun: true }

  it('decides as ever, shows the accounts as they would be, and leaves nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const instruction = world.transfer(from, to, 70)
    const tried = await world.ledger.post(instruction, dryRun)
    expect(tried).toMatchObject({
      kind: 'posted',
      replayed: false,
      transfer: { amount: 70, debitBalanceAfter: 30n, debitSeq: 2 },
      preview: {
        debit: { id: from.accountId, ledgerBalance: 30n, version: 2 },
        credit: { id: to.accountId, ledgerBalance: 70n, version: 1 },
      },
    })
    expect([await world.balanceOf(from), await world.balanceOf(to)]).toEqual([100n, 0n])
    const real = await world.ledger.post(instruction)
    expect(real).toMatchObject({ kind: 'posted', replayed: false })
    expect(real).not.toHaveProperty('preview')
  })

  it('refuses what would be refused, and leaves the key unused', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const instruction = world.transfer(from, to, 101)
    const refusal = { code: 'insufficient_funds', available: 100 }
    expect(await world.ledger.post(instruction, dryRun)).toMatchObject({ refusal })
    await world.mustPost(world.deposit(from, 1))
    expect(await world.ledger.post(instruction)).toMatchObject({ kind: 'posted' })
  })

  it('gives the outcome of a key that has one, with the accounts as they are', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const instruction = world.transfer(from, to, 30)
    const real = await world.ledger.post(instruction)
    expect(await world.ledger.post(instruction, dryRun)).toMatchObject({
      ...real,
      replayed: true,
      preview: { debit: { ledgerBalance: 70n } },
    })
    const other = { ...instruction, amount: 31 }
    const code = 'idempotency_key_reused'
    expect(await world.ledger.post(other, dryRun)).toMatchObject({ refusal: { code } })
  })

  it('does not stand in the way of what comes beside it', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        world.ledger.post(world.transfer(from, to, 50), index % 3 === 0 ? undefined : dryRun),
      ),
    )
    const real = answers.filter((_, index) => index % 3 === 0)
    expect(real.filter(({ kind }) => kind === 'posted')).toHaveLength(2)
    expect([await world.balanceOf(from), await world.balanceOf(to)]).toEqual([0n, 100n])
  })

  it('of a hold and of its release shows what is held', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const instruction = world.hold(from, to, 60)
    const tried = await world.ledger.hold(instruction, dryRun)
    expect(tried).toMatchObject({ kind: 'held', preview: { debit: { held: 60 } } })
    const placed = await world.ledger.hold(instruction)
    if (placed.kind !== 'held') throw new Error('the hold is placed')
    expect(placed.replayed).toBe(false)
    const release = world.release(from, placed.hold)
    const released = await world.ledger.hold(release, dryRun)
    expect(released).toMatchObject({ kind: 'held', preview: { debit: { held: 0 }, credit: null } })
    expect((await world.harness.hold(placed.hold.id))?.state).toBe('active')
  })

  it('of a group judges all of it together and leaves nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const group = groupOf(world, [
      [from, to, 60],
      [from, to, 40],
    ])
    const { outcomes } = await world.ledger.postGroup(group, dryRun)
    const preview = { debit: { ledgerBalance: 0n }, credit: { ledgerBalance: 100n } }
    expect(outcomes).toMatchObject([
      { kind: 'posted', preview },
      { kind: 'posted', preview },
    ])
    expect(await world.balanceOf(from)).toBe(100n)
    const real = await world.ledger.postGroup(group)
    expect(real.outcomes).toMatchObject([
      { kind: 'posted', replayed: false },
      { kind: 'posted', replayed: false },
    ])
  })

  it('opens no account of the bank, and sees the one that would be opened', async () => {
    const world = use()
    const to = await world.customer(100)
    const settlement = { bankCode: `settlement:${world.newId()}` }
    const before = await world.harness.bankAccounts()
    const deposit = world.deposit(to, 30, { debit: settlement })
    const debit = { ownerId: null, currency: 'EUR', normalSide: 'debit', ledgerBalance: 30n }
    const tried = await world.ledger.post(deposit, dryRun)
    expect(tried).toMatchObject({
      kind: 'posted',
      transfer: { debitSeq: 1, debitBalanceAfter: 30n },
      preview: { debit, credit: { id: to.accountId, ledgerBalance: 130n } },
    })
    if (tried.kind !== 'posted') throw new Error('the deposit would be posted')
    expect(await world.ledger.account(tried.transfer.debitAccountId)).toBeUndefined()
    const withdrawal = world.withdrawal(to, 101, { credit: settlement })
    const refusal = { code: 'insufficient_funds', available: 100 }
    expect(await world.ledger.post(withdrawal, dryRun)).toMatchObject({ refusal })
    expect(await world.harness.bankAccounts()).toEqual(before)

    await world.mustPost(deposit)
    const { accounts, codes } = before
    expect(await world.harness.bankAccounts()).toEqual({ accounts: accounts + 1, codes: codes + 1 })
    const next = world.deposit(to, 5, { debit: settlement })
    const transfer = { debitSeq: 2, debitBalanceAfter: 35n }
    expect(await world.ledger.post(next, dryRun)).toMatchObject({ kind: 'posted', transfer })
  })

  it('of a group opens no account of the bank, and all of it sees the same one', async () => {
    const world = use()
    const to = await world.customer()
    const debit = { bankCode: `settlement:${world.newId()}` }
    const before = await world.harness.bankAccounts()
    const { key } = world.newKey()
    const group = [30, 12].map((amount, index) =>
      world.deposit(to, amount, { debit, idempotencyKey: { key, index } }),
    )
    const { outcomes } = await world.ledger.postGroup(group, dryRun)
    const preview = { debit: { ledgerBalance: 42n }, credit: { ledgerBalance: 42n } }
    expect(outcomes).toMatchObject([
      { kind: 'posted', transfer: { debitSeq: 1 }, preview },
      { kind: 'posted', transfer: { debitSeq: 2 }, preview },
    ])
    expect(await world.harness.bankAccounts()).toEqual(before)
    const real = await world.ledger.postGroup(group)
    expect(real.outcomes).toMatchObject([{ kind: 'posted' }, { kind: 'posted' }])
  })

  it('before and after what opens the account of the bank is decided in its place', async () => {
    const world = use()
    const to = await world.customer()
    const changes = { debit: { bankCode: `settlement:${world.newId()}` } }
    const outcomes = await Promise.all([
      world.ledger.post(world.deposit(to, 30, changes), dryRun),
      world.ledger.post(world.deposit(to, 7, changes)),
      world.ledger.post(world.deposit(to, 31, changes), dryRun),
    ])
    expect(outcomes).toMatchObject(
      [30n, 7n, 38n].map((debitBalanceAfter) => ({ transfer: { debitBalanceAfter } })),
    )
  })

  it('of a teller leaves no trace in the audit trail', async () => {
    const world = use()
    const to = await world.customer()
    const teller = world.newId()
    await world.ledger.post(world.deposit(to, 1, { principalId: teller }), dryRun)
    expect(await world.harness.staffEvents(teller)).toEqual([])
  })
}
