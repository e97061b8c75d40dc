/** Money that is reserved: held, captured, released or expired, once, and never spent meanwhile. */
import { expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { Hold, HoldOutcome, TransferOutcome } from '../engine.ts'
import type { Customer, World } from './world.ts'

async function stateOf(world: World, { accountId }: Customer) {
  const state = await world.ledger.account(accountId)
  assert(state, 'the account is there')
  return state
}

const refusedAs = (refusal: object) => ({ kind: 'refused', refusal, replayed: false })

/** A payer with 500 on the account and 300 of it held for a receiver with nothing. */
async function placed(world: World): Promise<{ from: Customer; to: Customer; hold: Hold }> {
  const [from, to] = [await world.customer(500), await world.customer()]
  const hold = await world.mustHold(world.hold(from, to, 300))
  return { from, to, hold }
}

export function holdCases(use: () => World): void {
  it('reserves money, which then is there and cannot be spent', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.hold(from, to, 300, { expiresInSeconds: 60 })
    const outcome = await world.ledger.hold(instruction)
    assert(outcome.kind === 'held', 'nothing refuses it')
    const { id, createdAt, expiresAt, ...rest } = outcome.hold
    expect(rest).toEqual({
      principalId: from.ownerId,
      debitAccountId: from.accountId,
      creditAccountId: to.accountId,
      amount: 300,
      captured: 0,
      currency: 'EUR',
      state: 'active',
    })
    expect(expiresAt.getTime() - createdAt.getTime()).toBe(60_000)
    expect(outcome).toMatchObject({ replayed: false, requestId: instruction.requestId })
    expect(await world.harness.hold(id)).toEqual(outcome.hold)
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 500n, held: 300, version: 1 })
    expect(await stateOf(world, to)).toMatchObject({ ledgerBalance: 0n, held: 0, version: 0 })

    const tooMuch = { available: 200, requested: 201, currency: 'EUR' }
    const insufficient = refusedAs({ code: 'insufficient_funds', ...tooMuch })
    expect(await world.ledger.post(world.transfer(from, to, 201))).toMatchObject(insufficient)
    expect(await world.ledger.hold(world.hold(from, to, 201))).toMatchObject(insufficient)
    expect(await world.ledger.post(world.withdrawal(from, 201))).toMatchObject(insufficient)
    await world.mustPost(world.transfer(from, to, 200))
  })

  it('moves a whole hold once', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    const words = { description: 'Room', reference: 'r1', metadata: { a: 'b' } }
    const transfer = await world.mustPost(world.capture(from, hold, words))
    expect(transfer).toMatchObject({
      ...words,
      kind: 'capture',
      holdId: hold.id,
      reversesId: null,
      principalId: from.ownerId,
      debitAccountId: from.accountId,
      creditAccountId: to.accountId,
      amount: 300,
      currency: 'EUR',
      debitBalanceAfter: 200n,
      creditBalanceAfter: 300n,
    })
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 200n, held: 0, version: 2 })
    const captured = { ...hold, state: 'captured', captured: 300 }
    expect(await world.harness.hold(hold.id)).toEqual(captured)
    const transfers = await world.harness.transfers()
    expect(transfers.find(({ id }) => id === transfer.id)).toEqual(transfer)

    const over = refusedAs({ code: 'hold_not_active', state: 'captured' })
    expect(await world.ledger.post(world.capture(from, hold))).toMatchObject(over)
    expect(await world.ledger.hold(world.release(from, hold))).toMatchObject(over)
    expect(await world.balanceOf(to)).toBe(300n)
  })

  it('moves a part of a hold and gives back the rest at once', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    await world.mustPost(world.capture(from, hold, { amount: 120 }))
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 380n, held: 0 })
    await world.mustPost(world.transfer(from, to, 380))
    expect(await world.harness.hold(hold.id)).toMatchObject({ state: 'captured', captured: 120 })
  })

  it('never moves more than is held', async () => {
    const world = use()
    const { from, hold } = await placed(world)
    const beyond = await world.ledger.post(world.capture(from, hold, { amount: 301 }))
    const facts = { available: 300, requested: 301, currency: 'EUR' }
    expect(beyond).toMatchObject(refusedAs({ code: 'capture_exceeds_hold', ...facts }))
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 500n, held: 300 })
    expect(await world.harness.hold(hold.id)).toEqual(hold)
  })

  it('gives all of it back on release, once', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    const released = await world.mustHold(world.release(from, hold))
    expect(released).toEqual({ ...hold, state: 'released' })
    expect(await world.harness.hold(hold.id)).toEqual(released)
    const over = refusedAs({ code: 'hold_not_active', state: 'released' })
    expect(await world.ledger.post(world.capture(from, hold))).toMatchObject(over)
    expect(await world.ledger.hold(world.release(from, hold))).toMatchObject(over)
    await world.mustPost(world.transfer(from, to, 500))
  })

  it('treats an overdue hold as expired before anything is decided', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    const later = await world.mustHold(world.hold(from, to, 50))
    await world.harness.makeOverdue(hold.id)
    await world.mustPost(world.transfer(from, to, 450))
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 50n, held: 50 })
    expect(await world.harness.hold(hold.id)).toMatchObject({ state: 'expired', captured: 0 })
    expect(await world.harness.hold(later.id)).toEqual(later)
    await world.mustPost(world.capture(from, later))
  })

  it('neither captures nor releases an overdue hold', async () => {
    const world = use()
    const over = refusedAs({ code: 'hold_not_active', state: 'expired' })
    const { from, to, hold } = await placed(world)
    await world.harness.makeOverdue(hold.id)
    expect(await world.ledger.post(world.capture(from, hold))).toMatchObject(over)
    expect(await world.ledger.hold(world.release(from, hold))).toMatchObject(over)
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 500n, held: 0 })
    expect(await world.balanceOf(to)).toBe(0n)
  })

  it('expires what is overdue on an account where nobody asks for anything', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    const others = [await world.mustHold(world.hold(from, to, 1)), await placed(world)] as const
    await world.harness.makeOverdue(hold.id)
    await world.ledger.expireHolds([from.accountId, others[1].from.accountId, world.newId()])
    expect(await world.harness.hold(hold.id)).toMatchObject({ state: 'expired' })
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: 500n, held: 1, version: 1 })
    expect(await world.harness.hold(others[0].id)).toMatchObject({ state: 'active' })
    expect(await world.harness.hold(others[1].hold.id)).toMatchObject({ state: 'active' })
    await world.ledger.expireHolds([])
  })

  it('gives back what is held on an account that may not pay, and moves none of it', async () => {
    const world = use()
    const { from, to, hold } = await placed(world)
    const second = await world.mustHold(world.hold(from, to, 100))
    await world.harness.arrange(from.accountId, { status: 'frozen' })
    const frozen = refusedAs({ code: 'account_frozen' })
    expect(await world.ledger.post(world.capture(from, hold))).toMatchObject(frozen)
    expect(await world.ledger.hold(world.hold(from, to, 1))).toMatchObject(frozen)
    await world.mustHold(world.release(from, second))
    await world.harness.arrange(from.accountId, { status: 'open' })
    await world.mustPost(world.capture(from, hold))
  })

  it('keeps a hold whose receiver is full, until there is room', async () => {
    const world = use()
    const [from, full] = [await world.customer(500), await world.customer(MINOR_MAX)]
    const hold = await world.mustHold(world.hold(from, full, 300))
    const refused = await world.ledger.post(world.capture(from, hold))
    expect(refused).toMatchObject(refusedAs({ code: 'balance_out_of_range', side: 'credit' }))
    expect(await world.harness.hold(hold.id)).toEqual(hold)
    await world.mustPost(world.withdrawal(full, 300))
    await world.mustPost(world.capture(from, hold))
  })

  it('holds what an overdraft allows, also on an account without an entry', async () => {
    const world = use()
    const [from, to] = [await world.customer(), await world.customer()]
    await world.harness.arrange(from.accountId, { overdraftLimit: 100 })
    const hold = await world.mustHold(world.hold(from, to, 100))
    const facts = { available: 0, requested: 1, currency: 'EUR' }
    const one = await world.ledger.hold(world.hold(from, to, 1))
    expect(one).toMatchObject(refusedAs({ code: 'insufficient_funds', ...facts }))
    const { accountId } = from
    const change = { kind: 'set_overdraft_limit', overdraftLimit: 99 } as const
    const staff = { principalId: world.teller, authority: 'staff' } as const
    const order = { ...staff, accountId, change, requestId: 'request-change' }
    expect(await world.ledger.changeAccount(order)).toEqual({
      kind: 'refused',
      refusal: { code: 'overdraft_in_use', minimum: 100 },
    })
    await world.mustPost(world.capture(from, hold))
    expect(await stateOf(world, from)).toMatchObject({ ledgerBalance: -100n, held: 0, version: 1 })
  })

  it('never lets what is held bring an account out of range when it comes back', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.harness.arrange(from.accountId, { overdraftLimit: 1000 })
    const hold = await world.mustHold(world.hold(from, to, 1000))
    const most = MINOR_MAX - 2000
    const beyond = await world.ledger.post(world.deposit(from, most + 1))
    expect(beyond).toMatchObject(refusedAs({ code: 'balance_out_of_range', side: 'credit' }))
    await world.mustPost(world.deposit(from, most))
    await world.mustHold(world.release(from, hold))
    await world.harness.arrange(from.accountId, { overdraftLimit: 0 })
  })

  it('resolves a hold once, whatever comes at once', async () => {
    const world = use()
    const { from, hold } = await placed(world)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index): Promise<TransferOutcome | HoldOutcome> => {
        if (index % 3 === 0) return world.ledger.hold(world.release(from, hold))
        return world.ledger.post(world.capture(from, hold, { amount: 1 + index }))
      }),
    )
    expect(outcomes.filter(({ kind }) => kind !== 'refused')).toHaveLength(1)
    const left = await stateOf(world, from)
    const { captured, state } = (await world.harness.hold(hold.id)) ?? hold
    expect(left).toMatchObject({ ledgerBalance: 500n - BigInt(captured), held: 0 })
    const codes = outcomes.map((each) => (each.kind === 'refused' ? each.refusal : { state }))
    expect(codes.every((each) => 'state' in each && each.state === state)).toBe(true)
  })

  it('captures 99 holds around one that cannot be captured', async () => {
    const world = use()
    const [from, to] = [await world.customer(200), await world.customer()]
    const holds = await Promise.all(
      Array.from({ length: 100 }, () => world.mustHold(world.hold(from, to, 2))),
    )
    const answers = await Promise.allSettled(
      holds.map((hold, index) =>
        world.ledger.post(world.capture(from, hold, { amount: index === 50 ? 0.5 : 1 })),
      ),
    )
    const rejected = answers.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
    expect(rejected).toEqual([50])
    expect(await world.balanceOf(to)).toBe(99n)
    expect(await stateOf(world, from)).toMatchObject({ held: 2 })
  })
}
