import { beforeEach, describe, expect, test } from 'vitest'
import { acct, type RouteBank } from '../../../test/support/route-bank.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { start, useHoldWorld, type Call } from './testing.ts'

let now = start
beforeEach(() => {
  now = start
})

const { world, send, place, capture, release, placed, money } = useHoldWorld({ now: () => now })
let bank: RouteBank
let from: Uuid
let to: Uuid

beforeEach(() => {
  ;({ bank, from, to } = world())
})

const notActive = (state: string) => ({ status: 409, code: 'hold_not_active', state })

describe('POST /v1/holds/{id}/capture', () => {
  test('OK: without a body all of it is paid, and the answer is a transfer of the hold', async () => {
    const id = await placed()
    const response = await capture(id)
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({
      id: expect.stringMatching(/^xfer_/),
      kind: 'capture',
      from_account_id: acct(from),
      to_account_id: acct(to),
      amount: 100,
      hold_id: id,
      reverses_id: null,
      group_id: null,
      from_entry: { amount: -100, balance_after: 900 },
    })
    expect(response.json()).not.toHaveProperty('to_entry')
    expect(await money(from)).toEqual({ balance: 900, held: 0 })
    expect(await money(to)).toEqual({ balance: 100, held: 0 })
  })

  test('OK: a part of it, with words; the rest is free at once', async () => {
    const words = { description: 'Two of three', reference: 'INV-1', metadata: { order: '42' } }
    const response = await capture(await placed(), { amount: 60, ...words })
    expect(response.json()).toMatchObject({ amount: 60, ...words })
    expect(await money(from)).toEqual({ balance: 940, held: 0 })
  })

  test('a replay has the same bytes, an empty body is the same as none', async () => {
    const id = await placed()
    const first = await capture(id, undefined, { key: 'k' })
    const again = await capture(id, {}, { key: 'k' })
    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    const headers = { 'content-type': 'application/json' }
    expect((await capture(id, undefined, { key: 'k', headers })).body).toBe(first.body)
    expect(await money(from)).toEqual({ balance: 900, held: 0 })
  })

  test('a key of another hold is reused', async () => {
    const [one, other] = [await placed(), await placed()]
    await capture(one, {}, { key: 'k' })
    const reused = await capture(other, { amount: 1 }, { key: 'k' })
    expect(reused.json()).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(reused.json().fields.toSorted()).toEqual(['amount', 'hold_id'])
  })

  test('CaptureExceedsHold: by one is refused, and the hold is still there', async () => {
    const id = await placed()
    expect((await capture(id, { amount: 101 })).json()).toMatchObject({
      status: 422,
      code: 'capture_exceeds_hold',
      available: 100,
      requested: 101,
      currency: 'EUR',
    })
    expect((await capture(id, { amount: 100 })).statusCode).toBe(201)
  })

  test('HoldNotActive: once captured, never again, neither the rest nor back', async () => {
    const id = await placed()
    await capture(id, { amount: 1 })
    for (const response of [await capture(id), await release(id)]) {
      expect(response.json()).toMatchObject(notActive('captured'))
    }
    expect(await money(from)).toEqual({ balance: 999, held: 0 })
  })

  test('HoldNotActive from the very moment at which it ends, and not before', async () => {
    const [one, other] = [await placed({ expires_in: 60 }), await placed({ expires_in: 60 })]
    now = new Date('2026-01-15T09:30:59.999Z')
    expect((await capture(one)).statusCode).toBe(201)
    now = new Date('2026-01-15T09:31:00.000Z')
    expect((await capture(other)).json()).toMatchObject(notActive('expired'))
    expect(await money(from)).toEqual({ balance: 900, held: 0 })
  })

  test('AccountFrozen and AccountClosed', async () => {
    const id = await placed()
    bank.ledger.arrange(from, { status: 'frozen' })
    expect((await capture(id)).json()).toMatchObject({ status: 422, code: 'account_frozen' })
    bank.ledger.arrange(from, { status: 'open' })
    bank.ledger.arrange(to, { status: 'closed' })
    const closed = (await capture(id)).json()
    expect(closed).toMatchObject({ status: 422, code: 'account_closed', side: 'credit' })
  })

  test('BalanceOutOfRange where the receiver is full', async () => {
    const id = await placed()
    const payIn = await bank.open(bank.bob, 'EUR', MINOR_MAX)
    const full = await place({ to_account_id: acct(payIn) })
    expect(full.statusCode).toBe(201)
    expect((await capture(full.json().id)).json()).toMatchObject({
      status: 422,
      code: 'balance_out_of_range',
      side: 'credit',
    })
    expect((await capture(id)).statusCode).toBe(201)
  })

  test.each([
    ['amount', 0],
    ['amount', null],
    ['amount', 10.5],
    ['description', 'a\u202eb'],
    ['metadata', { 'a\u0007': 'b' }],
    ['currency', 'EUR'],
  ])('an invalid member is 400: %s %j', async (member, value) => {
    const response = await capture(await placed(), { [member]: value })
    expect(response.statusCode).toBe(400)
    expect(await money(from)).toEqual({ balance: 1000, held: 100 })
  })
})

describe('POST /v1/holds/{id}/release', () => {
  test('OK: the hold as it was released, and all of it is free', async () => {
    const id = await placed()
    const response = await release(id)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ id, amount: 100, captured: 0, state: 'released' })
    expect(await money(from)).toEqual({ balance: 1000, held: 0 })
  })

  test('a replay has the same bytes and is marked', async () => {
    const id = await placed()
    const first = await release(id, { key: 'k' })
    const again = await release(id, { key: 'k' })
    expect(again.statusCode).toBe(200)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
  })

  test('HoldNotActive: released once, and then not to be captured', async () => {
    const id = await placed()
    await release(id)
    for (const response of [await release(id), await capture(id)]) {
      expect(response.json()).toMatchObject(notActive('released'))
    }
  })

  test('from a frozen account too', async () => {
    const id = await placed()
    bank.ledger.arrange(from, { status: 'frozen' })
    expect((await release(id)).statusCode).toBe(200)
  })
})

describe.each(['capture', 'release'] as const)('both: POST /v1/holds/{id}/%s', (action) => {
  const act = (id: string, call?: Call) => send(`/v1/holds/${id}/${action}`, undefined, call)

  test("the receiver's and staff's 404 has the same bytes as for a hold that is not there", async () => {
    const id = await placed()
    const absent = encodeId('hold', bank.newUuid())
    const headers = { 'request-id': 'same' }
    const notFound = await act(absent, { headers })
    expect(notFound.json()).toMatchObject({ status: 404, code: 'hold_not_found' })
    for (const user of [bank.bob, bank.teller, bank.auditor, bank.admin]) {
      const response = await act(id, { user, headers })
      expect(response.body).toBe(notFound.body)
    }
    expect(await money(from)).toEqual({ balance: 1000, held: 100 })
  })

  test('a replayed refusal has the same bytes, also when it could be done by now', async () => {
    const absent = encodeId('hold', bank.newUuid())
    const first = await act(absent, { key: 'k', headers: { 'request-id': 'one' } })
    const again = await act(absent, { key: 'k', headers: { 'request-id': 'two' } })
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
  })

  test('InvalidID', async () => {
    const response = await act('hold_1')
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
  })
})
