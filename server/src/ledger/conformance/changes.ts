/** Changing accounts on the say-so of staff, and what the audit trail keeps of staff's instructions. */
import { describe, expect, it } from 'vitest'
import { encodeId } from '../../kernel/ids.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { AccountChange, ChangeAccountInstruction } from '../engine.ts'
import type { Customer, World } from './world.ts'

function changing(
  world: World,
  { accountId }: Pick<Customer, 'accountId'>,
  change: AccountChange,
): ChangeAccountInstruction {
  const staff = { principalId: world.teller, authority: 'staff' } as const
  return { ...staff, accountId, change, requestId: 'request-change' }
}

const overdraft = (overdraftLimit: number) =>
  ({ kind: 'set_overdraft_limit', overdraftLimit }) as const

export function changeCases(use: () => World): void {
  it('freezes an account, which then receives and does not pay, until it is unfrozen', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer(500)]
    const freeze = changing(world, from, { kind: 'freeze' })
    const frozen = { status: 'frozen', ledgerBalance: 500n }
    expect(await world.ledger.changeAccount(freeze)).toMatchObject({
      kind: 'changed',
      isNew: true,
      account: frozen,
    })
    expect(await world.ledger.account(from.accountId)).toMatchObject(frozen)
    const paid = await world.ledger.post(world.transfer(from, to, 100))
    expect(paid).toMatchObject({ refusal: { code: 'account_frozen' } })
    await world.mustPost(world.transfer(to, from, 100))
    expect(await world.ledger.changeAccount(freeze)).toMatchObject({
      kind: 'changed',
      isNew: false,
    })

    const unfreeze = changing(world, from, { kind: 'unfreeze' })
    expect(await world.ledger.changeAccount(unfreeze)).toMatchObject({ isNew: true })
    await world.mustPost(world.transfer(from, to, 600))
    expect(await world.ledger.changeAccount(unfreeze)).toMatchObject({ isNew: false })
  })

  it('lets an account be overdrawn to its limit and no further', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    await world.ledger.changeAccount(changing(world, from, overdraft(50)))
    const beyond = await world.ledger.post(world.transfer(from, to, 151))
    const refusal = { code: 'insufficient_funds', available: 150, requested: 151, currency: 'EUR' }
    expect(beyond).toMatchObject({ refusal })
    await world.mustPost(world.transfer(from, to, 150))
    expect(await world.balanceOf(from)).toBe(-50n)
  })

  it('refuses a limit below what is overdrawn, naming the least, and takes that', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    await world.ledger.changeAccount(changing(world, from, overdraft(50)))
    await world.mustPost(world.transfer(from, to, 130))
    expect(await world.ledger.changeAccount(changing(world, from, overdraft(29)))).toEqual({
      kind: 'refused',
      refusal: { code: 'overdraft_in_use', minimum: 30 },
    })
    const least = await world.ledger.changeAccount(changing(world, from, overdraft(30)))
    expect(least).toMatchObject({ kind: 'changed', isNew: true, account: { overdraftLimit: 30 } })
  })

  it('keeps what is available an exact integer, by limit and by deposit', async () => {
    const world = use()
    const customer = await world.customer(100)
    const most = MINOR_MAX - 100
    const change = await world.ledger.changeAccount(changing(world, customer, overdraft(most + 1)))
    expect(change).toEqual({ kind: 'refused', refusal: { code: 'balance_out_of_range' } })
    await world.ledger.changeAccount(changing(world, customer, overdraft(most)))
    expect(await world.ledger.post(world.deposit(customer, 1))).toMatchObject({
      refusal: { code: 'balance_out_of_range', side: 'credit' },
    })
    // Out of the way of the sums of other cases.
    await world.ledger.changeAccount(changing(world, customer, overdraft(0)))
  })

  describe('refuses, first to last', () => {
    it('an account that is not there, or belongs to the bank', async () => {
      const world = use()
      const notFound = { kind: 'refused', refusal: { code: 'account_not_found' } }
      const nowhere = changing(world, { accountId: world.newId() }, { kind: 'freeze' })
      expect(await world.ledger.changeAccount(nowhere)).toEqual(notFound)
      const { account } = await world.ledger.openBankAccount('cash', 'EUR')
      const bank = changing(world, account, { kind: 'freeze' })
      expect(await world.ledger.changeAccount(bank)).toEqual(notFound)
    })

    it('an account of their own, before all that is wrong with it', async () => {
      const world = use()
      const own = await world.open(world.teller)
      await world.harness.arrange(own.accountId, { status: 'closed' })
      const refused = { kind: 'refused', refusal: { code: 'own_account' } }
      expect(await world.ledger.changeAccount(changing(world, own, overdraft(1)))).toEqual(refused)
    })

    it('a closed account', async () => {
      const world = use()
      const closed = await world.open()
      await world.harness.arrange(closed.accountId, { status: 'closed' })
      const refused = { kind: 'refused', refusal: { code: 'account_closed' } }
      for (const change of [{ kind: 'unfreeze' } as const, overdraft(1)]) {
        expect(await world.ledger.changeAccount(changing(world, closed, change))).toEqual(refused)
      }
    })
  })

  it('never lets an account below its limit when limits fall while it pays', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    await world.ledger.changeAccount(changing(world, from, overdraft(100)))
    await Promise.all([
      ...Array.from({ length: 40 }, () => world.ledger.post(world.transfer(from, to, 10))),
      ...[90, 60, 30, 0].map((limit) =>
        world.ledger.changeAccount(changing(world, from, overdraft(limit))),
      ),
    ])
    const state = await world.ledger.account(from.accountId)
    expect(state && state.ledgerBalance + BigInt(state.overdraftLimit)).toBeGreaterThanOrEqual(0n)
  })
}

export function staffEventCases(use: () => World): void {
  it('keeps one row for each outcome of staff, and none for owners or replays', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const principalId = world.newId()
    const changes = { principalId }
    const deposit = world.deposit(from, 70, changes)
    const withdrawal = world.withdrawal(from, 20, changes)
    const refused = world.withdrawal(to, 10_000, changes)
    const owners = world.transfer(from, to, 1)
    const outcomes = await world.postAll([deposit, withdrawal, refused, owners, deposit])
    const transferIds = outcomes.map((outcome) =>
      outcome.kind === 'posted' ? outcome.transfer.id : '',
    )
    const [paidIn = '', paidOut = ''] = transferIds
    expect(outcomes[4]).toMatchObject({ kind: 'posted', replayed: true })

    const event = (id: string | undefined, kind: string, accountId: string, requestId: string) => {
      return { id, kind, actorId: principalId, accountId, requestId }
    }
    const unsorted = await world.harness.staffEvents(principalId)
    const events = unsorted.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
    const refusedId = events.find(({ kind }) => kind === 'withdrawal.refused')?.id
    expect(events).toEqual([
      {
        ...event(paidIn, 'deposit.posted', from.accountId, deposit.requestId),
        facts: { transfer_id: encodeId('xfer', paidIn) },
      },
      {
        ...event(paidOut, 'withdrawal.posted', from.accountId, withdrawal.requestId),
        facts: { transfer_id: encodeId('xfer', paidOut) },
      },
      {
        ...event(refusedId, 'withdrawal.refused', to.accountId, refused.requestId),
        facts: { code: 'insufficient_funds' },
      },
    ])
    expect(await world.harness.staffEvents(from.ownerId)).toEqual([])
  })

  it('keeps a row for staff who name an account that is not there', async () => {
    const world = use()
    const [principalId, accountId] = [world.newId(), world.newId()]
    const nobody = { ownerId: principalId, accountId, party: { accountId } }
    await world.ledger.post(world.deposit(nobody, 10, { principalId }))
    expect(await world.harness.staffEvents(principalId)).toMatchObject([
      { kind: 'deposit.refused', accountId, facts: { code: 'account_not_found' } },
    ])
  })
}
