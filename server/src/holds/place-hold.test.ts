import { beforeEach, describe, expect, test } from 'vitest'
import { acct, createRouteBank, type RouteBank } from '../../../test/support/route-bank.ts'
import type { Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { useHoldWorld } from './testing.ts'

const { clock, world, build, place, capture, placed, money } = useHoldWorld()
let bank: RouteBank
let from: Uuid
let to: Uuid

beforeEach(() => {
  ;({ bank, from, to } = world())
})

const refused = async (change: Record<string, unknown>) => (await place(change)).json()

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
