/** Closing accounts: for good, and only with nothing on them and nothing held. */
import { expect, it } from 'vitest'
import type { ChangeAccountOutcome } from '../engine.ts'
import type { Customer, World } from './world.ts'

type Who = { principalId: string; authority: 'owner' | 'staff' }

function close(
  world: World,
  { accountId, ownerId: principalId }: Customer,
  who: Who = { principalId, authority: 'owner' },
): Promise<ChangeAccountOutcome> {
  const order = { accountId, change: { kind: 'close' }, requestId: 'request-close' } as const
  return world.ledger.changeAccount({ ...who, ...order })
}

const refusedAs = (refusal: object) => ({ kind: 'refused', refusal })
const notEmpty = (ledgerBalance: number) => refusedAs({ code: 'account_not_empty', ledgerBalance })
const closedAs = (side: string) => ({ refusal: { code: 'account_closed', side } })

export function closingCases(use: () => World): void {
  it('closes an account, which then neither pays nor receives, once and for all', async () => {
    const world = use()
    const [account, other] = [await world.customer(100), await world.customer(100)]
    await world.mustPost(world.transfer(account, other, 100))
    const closed = { kind: 'changed', account: { status: 'closed', version: 2 } }
    expect(await close(world, account)).toMatchObject({ ...closed, isNew: true })
    expect(await close(world, account)).toMatchObject({ ...closed, isNew: false })
    const { ledger, teller } = world
    expect(await ledger.post(world.transfer(account, other, 1))).toMatchObject(closedAs('debit'))
    expect(await ledger.post(world.transfer(other, account, 1))).toMatchObject(closedAs('credit'))
    expect(await ledger.post(world.deposit(account, 1))).toMatchObject(closedAs('credit'))
    expect(await ledger.hold(world.hold(other, account, 1))).toMatchObject(closedAs('credit'))
    const staff = { principalId: teller, authority: 'staff' } as const
    for (const kind of ['unfreeze', 'freeze'] as const) {
      const { accountId } = account
      const order = { ...staff, accountId, change: { kind }, requestId: 'request-again' }
      expect(await ledger.changeAccount(order)).toEqual(refusedAs({ code: 'account_closed' }))
    }
  })

  it('refuses an account that is not empty, in either direction', async () => {
    const world = use()
    const [rich, poor] = [await world.customer(1), await world.customer()]
    await world.harness.arrange(poor.accountId, { overdraftLimit: 5 })
    await world.mustPost(world.transfer(poor, rich, 5))
    expect(await close(world, rich)).toEqual(notEmpty(6))
    expect(await close(world, poor)).toEqual(notEmpty(-5))
  })

  it('refuses an account with holds, but none that are overdue', async () => {
    const world = use()
    const [account, other] = [await world.customer(), await world.customer()]
    await world.harness.arrange(account.accountId, { overdraftLimit: 30 })
    const hold = await world.mustHold(world.hold(account, other, 30))
    expect(await close(world, account)).toEqual(refusedAs({ code: 'account_has_holds', held: 30 }))
    await world.harness.makeOverdue(hold.id)
    expect(await close(world, account)).toMatchObject({ kind: 'changed', account: { held: 0 } })
    expect(await world.harness.hold(hold.id)).toMatchObject({ state: 'expired' })
  })

  it('refuses to capture a hold for an account that was closed meanwhile', async () => {
    const world = use()
    const [account, other] = [await world.customer(), await world.customer(50)]
    const hold = await world.mustHold(world.hold(other, account, 50))
    await close(world, account)
    const captured = await world.ledger.post(world.capture(other, hold))
    expect(captured).toMatchObject({ refusal: { code: 'account_closed', side: 'credit' } })
    await world.mustHold(world.release(other, hold))
  })

  it('is for the owner, and for staff whose account it is not, who close frozen ones too', async () => {
    const world = use()
    const account = await world.customer()
    const stranger = { principalId: world.newId(), authority: 'owner' } as const
    expect(await close(world, account, stranger)).toEqual(refusedAs({ code: 'account_not_found' }))
    const ownStaff = { principalId: account.ownerId, authority: 'staff' } as const
    expect(await close(world, account, ownStaff)).toEqual(refusedAs({ code: 'own_account' }))
    await world.harness.arrange(account.accountId, { status: 'frozen' })
    expect(await close(world, account)).toEqual(refusedAs({ code: 'account_frozen' }))
    const staff = { principalId: world.teller, authority: 'staff' } as const
    expect(await close(world, account, staff)).toMatchObject({ kind: 'changed', isNew: true })
  })

  it('leaves nothing behind on an account that is closed while it is paid', async () => {
    const world = use()
    const [account, other] = [await world.customer(), await world.customer(100)]
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => world.ledger.post(world.transfer(other, account, 5))),
      ...Array.from({ length: 5 }, () => close(world, account)),
    ])
    const isClosed = answers.some(({ kind }) => kind === 'changed')
    // Either it was closed first, or the first payment stood in the way.
    const expected = isClosed
      ? { status: 'closed', ledgerBalance: 0n }
      : { status: 'open', ledgerBalance: 100n }
    expect(await world.ledger.account(account.accountId)).toMatchObject(expected)
  })
}
