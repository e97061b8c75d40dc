import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { holdStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  failingLedger,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createHoldRoutes } from './routes.ts'
import type { HoldStore } from './store.ts'

let now: Date
const clock = { now: () => now }
let bank: RouteBank
/** Alice has 1000 in `from`, Bob nothing in `to`. */
let from: Uuid
let to: Uuid

beforeEach(async () => {
  now = new Date('2026-01-15T09:30:00.000Z')
  bank = createRouteBank({ clock })
  from = await bank.open(bank.alice, 'EUR', 1000)
  to = await bank.open(bank.bob)
})

const present = presentBank(() => bank)
const holds = holdStoreOver(() => bank.ledger, clock)

async function build(ledger: LedgerEngine, store: Pick<HoldStore, 'find'> = holds) {
  const routes = [createHoldRoutes({ ledger, holds: store, currencies: testCurrencies })]
  return buildTestApp({ routes, rolesOf: present.rolesOf })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(present.ledger)
})

interface Call {
  user?: Uuid
  key?: string
  headers?: Record<string, string>
  target?: typeof app
}

async function send(path: string, payload: object | undefined, call: Call = {}) {
  const { user = bank.alice, key = bank.newUuid(), headers = {}, target = app } = call
  return target.inject({
    method: 'POST',
    url: path,
    headers: { ...asUser(user), 'idempotency-key': key, ...headers },
    ...(payload && { payload }),
  })
}

const order = () => ({
  from_account_id: acct(from),
  to_account_id: acct(to),
  amount: 100,
  currency: 'EUR',
})
const place = (change: Record<string, unknown> = {}, call?: Call) =>
  send('/v1/holds', { ...order(), ...change }, call)
const capture = (id: string, body?: object, call?: Call) =>
  send(`/v1/holds/${id}/capture`, body, call)
const release = (id: string, call?: Call) => send(`/v1/holds/${id}/release`, undefined, call)

const refused = async (change: Record<string, unknown>) => (await place(change)).json()

const notActive = (state: string) => ({ status: 409, code: 'hold_not_active', state })

/** The id of a hold of Alice's. */
async function placed(change: Record<string, unknown> = {}): Promise<string> {
  const response = await place(change)
  expect(response.statusCode).toBe(201)
  return response.json().id
}

async function money(accountId: Uuid) {
  const account = await bank.ledger.account(accountId)
  return { balance: Number(account?.ledgerBalance), held: account?.held }
}

describe('POST /v1/holds', () => {
  test('OK: the amount is held, for a week where nothing is said', async () => {
    const response = await place()
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^hold_[0-7][0-9a-z]{25}$/),
      from_account_id: acct(from),
      to_account_id: acct(to),
      amount: 100,
      captured: 0,
      currency: 'EUR',
      state: 'active',
      expires_at: '2026-01-22T09:30:00.000Z',
      created_at: '2026-01-15T09:30:00.000Z',
    })
    expect(await money(from)).toEqual({ balance: 1000, held: 100 })
  })

  test('expires_in is in seconds, and a week is the same as nothing', async () => {
    expect((await place({ expires_in: 90 })).json().expires_at).toBe('2026-01-15T09:31:30.000Z')
    const first = await place({}, { key: 'k' })
    const again = await place({ expires_in: 604_800 }, { key: 'k' })
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
  })

  test('a replay has the same bytes when the hold is long captured, and holds nothing', async () => {
    const first = await place({}, { key: 'k' })
    await capture(first.json().id)
    const again = await place({}, { key: 'k' })
    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect(again.json()).toMatchObject({ state: 'active', captured: 0 })
    expect(await money(from)).toEqual({ balance: 900, held: 0 })
  })

  test('a reused key names what differs', async () => {
    await place({}, { key: 'k' })
    const reused = await place({ amount: 101, expires_in: 9 }, { key: 'k' })
    expect(reused.json()).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(reused.json().fields.toSorted()).toEqual(['amount', 'expires_in'])
  })

  test('InsufficientFunds: what is held is not there to be held again', async () => {
    await placed({ amount: 900 })
    expect((await place({ amount: 101 })).json()).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      available: 100,
      requested: 101,
    })
    expect((await place({ amount: 100 })).statusCode).toBe(201)
  })

  test('FromAccountNotYours has the same bytes as FromAccountNotFound, for staff too', async () => {
    const headers = { 'request-id': 'same' }
    const notYours = await place({}, { user: bank.bob, headers })
    const ofStaff = await place({}, { user: bank.teller, headers })
    const change = { from_account_id: acct(bank.newUuid()) }
    const notFound = await place(change, { user: bank.bob, headers })
    expect(notYours.json()).toMatchObject({ status: 404, code: 'account_not_found', side: 'debit' })
    expect(notFound.body).toBe(notYours.body)
    expect(ofStaff.body).toBe(notYours.body)
  })

  test('ToAccountNotFound, SameAccount, CurrencyMismatch, AccountFrozen, AccountClosed', async () => {
    expect(await refused({ to_account_id: acct(bank.newUuid()) })).toMatchObject({
      code: 'account_not_found',
      side: 'credit',
    })
    expect(await refused({ to_account_id: acct(from) })).toMatchObject({ code: 'same_account' })
    expect(await refused({ currency: 'KRW' })).toMatchObject({ code: 'currency_mismatch' })
    bank.ledger.arrange(from, { status: 'frozen' })
    expect(await refused({})).toMatchObject({ status: 422, code: 'account_frozen' })
    bank.ledger.arrange(from, { status: 'open' })
    bank.ledger.arrange(to, { status: 'closed' })
    expect(await refused({})).toMatchObject({ code: 'account_closed', side: 'credit' })
    expect(await money(from)).toEqual({ balance: 1000, held: 0 })
  })

  test('LimitExceeded', async () => {
    const limited = createRouteBank({ clock, transferAmountMax: 99 })
    const own = await limited.open(bank.alice, 'EUR', 99)
    const other = await limited.open(bank.bob)
    const target = await build(limited.ledger)
    const change = { from_account_id: acct(own), to_account_id: acct(other) }
    const response = await place(change, { target })
    expect(response.json()).toMatchObject({ status: 422, code: 'limit_exceeded', limit: 99 })
  })

  test('DailyLimitExceeded: a hold counts on the day on which it is placed', async () => {
    await bank.ledger.changeAccount({
      principalId: bank.admin,
      authority: 'staff',
      accountId: from,
      change: { kind: 'set_limits', transferLimit: null, dailyLimit: 250 },
      requestId: 'arrange',
    })
    await placed({ amount: 200 })
    expect((await place({ amount: 51 })).json()).toMatchObject({
      status: 422,
      code: 'daily_limit_exceeded',
      limit: 250,
      available: 50,
      requested: 51,
    })
    expect((await place({ amount: 50 })).statusCode).toBe(201)
  })

  test.each([
    ['amount', 0],
    ['amount', 10.5],
    ['amount', '100'],
    ['amount', MINOR_MAX + 1],
    ['expires_in', 0],
    ['expires_in', 31_536_001],
    ['expires_in', '60'],
    ['currency', 'eur'],
    ['from_account_id', 'hold_01h455vb4pex5vsknk084sn02q'],
    ['description', 'not of a hold'],
  ])('an invalid member is 400 and does not use up the key: %s %j', async (member, value) => {
    const response = await place({ [member]: value }, { key: 'k' })
    expect(response.statusCode).toBe(400)
    expect((await place({}, { key: 'k' })).statusCode).toBe(201)
  })

  test('a currency that the bank does not deal in is 400', async () => {
    const response = await place({ currency: 'USD' })
    expect(response.json()).toMatchObject({ status: 400, code: 'currency_not_supported' })
  })
})

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

async function paths(): Promise<string[]> {
  const id = await placed()
  return ['/v1/holds', `/v1/holds/${id}/capture`, `/v1/holds/${id}/release`]
}

const payloadOf = (path: string) => (path === '/v1/holds' ? order() : undefined)

describe('all three', () => {
  test('NoAuthorization', async () => {
    for (const url of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const response = await app.inject({ method: 'POST', url })
      expect(response.json()).toMatchObject({ status: 401, code: 'token_missing' })
    }
  })

  test('the idempotency key is required', async () => {
    for (const path of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const response = await app.inject({
        method: 'POST',
        url: path,
        headers: asUser(bank.alice),
        ...(path === '/v1/holds' && { payload: order() }),
      })
      expect(response.json()).toMatchObject({ status: 400, code: 'idempotency_key_missing' })
    }
  })

  test('a fault of the engine is 503, all else 500', async () => {
    const down = await build(failingLedger(bank.ledger, new Fault('outcome_unknown', 'secret')))
    const broken = await build(failingLedger(bank.ledger, new Error('secret')))
    for (const path of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const fault = await send(path, payloadOf(path), { target: down })
      expect(fault.json()).toMatchObject({ status: 503, code: 'outcome_unknown' })
      // oxlint-disable-next-line no-await-in-loop
      const defect = await send(path, payloadOf(path), { target: broken })
      expect(defect.json()).toMatchObject({ status: 500, code: 'internal_error' })
      expect(fault.body + defect.body).not.toContain('secret')
    }
  })

  test('a refusal stands when the store cannot say whose hold it is', async () => {
    const find = vi.fn<HoldStore['find']>().mockRejectedValue(new Error('secret'))
    const target = await build(bank.ledger, { find })
    const response = await release(await placed(), { user: bank.bob, target })
    expect(response.json()).toMatchObject({ status: 404, code: 'hold_not_found' })
    expect(find).toHaveBeenCalledOnce()
  })
})
