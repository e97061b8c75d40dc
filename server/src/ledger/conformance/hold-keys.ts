/** What is answered from the key of a hold, a capture or a release, whatever has happened since. */
import { expect, it } from 'vitest'
import type { InstructionField } from '../core/refusals.ts'
import type { CaptureInstruction, Hold, HoldInstruction } from '../engine.ts'
import type { Customer, World } from './world.ts'

export function holdKeyCases(use: () => World): void {
  type End = (world: World, from: Customer, hold: Hold) => Promise<unknown>
  const ends: readonly [Hold['state'], End][] = [
    ['active', async () => undefined],
    ['captured', async (world, from, hold) => world.mustPost(world.capture(from, hold))],
    ['released', async (world, from, hold) => world.mustHold(world.release(from, hold))],
  ]
  it.each(ends)('gives a hold again as it was placed, also when it is %s', async (state, end) => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.hold(from, to, 300)
    const first = await world.ledger.hold(instruction)
    if (first.kind !== 'held') throw new Error('refused')
    await end(world, from, first.hold)
    expect(await world.harness.hold(first.hold.id)).toMatchObject({ state })
    const again = await world.ledger.hold({ ...instruction, requestId: 'request-again' })
    expect(again).toEqual({ ...first, replayed: true })
  })

  it('gives a hold again as active when it is overdue, and holds nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.hold(from, to, 300)
    const { id } = await world.mustHold(instruction)
    await world.harness.makeOverdue(id)
    const again = await world.ledger.hold(instruction)
    expect(again).toMatchObject({ kind: 'held', replayed: true, hold: { id, state: 'active' } })
    expect(await world.harness.hold(id)).toMatchObject({ state: 'expired' })
    expect(await world.ledger.account(from.accountId)).toMatchObject({ held: 0 })
  })

  it('gives a capture and a release again, and moves nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const captured = await world.mustHold(world.hold(from, to, 300))
    const released = await world.mustHold(world.hold(from, to, 100))
    const capture = world.capture(from, captured, { amount: 200, description: 'Tea' })
    const release = world.release(from, released)
    const first = [await world.ledger.post(capture), await world.ledger.hold(release)]
    const requestId = 'request-again'
    const again = [
      await world.ledger.post({ ...capture, requestId }),
      await world.ledger.hold({ ...release, requestId }),
    ]
    expect(again).toEqual(first.map((outcome) => ({ ...outcome, replayed: true })))
    expect(await world.balanceOf(to)).toBe(200n)
  })

  it('gives a refusal again after the hold could be captured', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const hold = await world.mustHold(world.hold(from, to, 300))
    await world.harness.arrange(from.accountId, { status: 'frozen' })
    const capture = world.capture(from, hold)
    const first = await world.ledger.post(capture)
    expect(first).toMatchObject({ refusal: { code: 'account_frozen' } })
    await world.harness.arrange(from.accountId, { status: 'open' })
    expect(await world.ledger.post(capture)).toEqual({ ...first, replayed: true })
    await world.mustHold(world.release(from, hold))
  })

  it('keeps the key of a capture whose hold is not there', async () => {
    const world = use()
    const from = await world.customer(500)
    const capture = world.capture(from, { id: world.newId() })
    const first = await world.ledger.post(capture)
    expect(first).toMatchObject({ refusal: { code: 'hold_not_found' }, replayed: false })
    expect(await world.ledger.post(capture)).toEqual({ ...first, replayed: true })
    const other = await world.ledger.post({ ...capture, amount: 1 })
    const refusal = { code: 'idempotency_key_reused', fields: ['amount'] }
    expect(other).toMatchObject({ refusal })
  })

  const holdChanges: readonly [InstructionField, Partial<HoldInstruction>][] = [
    ['from_account_id', { debit: { bankCode: 'cash' } }],
    ['to_account_id', { credit: { bankCode: 'cash' } }],
    ['amount', { amount: 301 }],
    ['currency', { currency: 'USD' }],
    ['expires_in', { expiresInSeconds: 3601 }],
  ]
  it.each(holdChanges)('refuses the key of a hold to another %s', async (field, change) => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.hold(from, to, 300)
    await world.mustHold(instruction)
    const other = await world.ledger.hold({ ...instruction, ...change })
    const refusal = { code: 'idempotency_key_reused', fields: [field] }
    expect(other).toMatchObject({ kind: 'refused', refusal, replayed: false })
  })

  const captureChanges: readonly [InstructionField, Partial<CaptureInstruction>][] = [
    ['hold_id', { holdId: '00000000-0000-7000-8000-000000000001' }],
    ['amount', { amount: 300 }],
    ['description', { description: 'Tea' }],
    ['reference', { reference: 'tea' }],
    ['metadata', { metadata: { a: 'b' } }],
  ]
  it.each(captureChanges)('refuses the key of a capture to another %s', async (field, change) => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const hold = await world.mustHold(world.hold(from, to, 300))
    const instruction = world.capture(from, hold)
    await world.mustPost(instruction)
    const other = await world.ledger.post({ ...instruction, ...change })
    const refusal = { code: 'idempotency_key_reused', fields: [field] }
    expect(other).toMatchObject({ kind: 'refused', refusal, replayed: false })
  })

  it('refuses the key of a capture to a release, and of a hold to a transfer', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const placing = world.hold(from, to, 300)
    const hold = await world.mustHold(placing)
    const capture = world.capture(from, hold)
    await world.mustPost(capture)
    const { idempotencyKey } = capture
    const release = await world.ledger.hold({ ...world.release(from, hold), idempotencyKey })
    const code = 'idempotency_key_reused'
    expect(release).toMatchObject({ refusal: { code, fields: ['kind'] } })
    const key = { idempotencyKey: placing.idempotencyKey }
    const transfer = await world.ledger.post(world.transfer(from, to, 300, key))
    expect(transfer).toMatchObject({ refusal: { code, fields: ['kind', 'expires_in'] } })
  })
}
