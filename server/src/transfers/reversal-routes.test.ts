import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transferStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  failingLedger,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { encodeCursor } from '../http/paging.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { decodeId, encodeId, type Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createReversalRoutes } from './reversal-routes.ts'
import { createTransferRoutes } from './routes.ts'

let bank: RouteBank
let alices: Uuid
let bobs: Uuid
/** Alice has paid Bob 100 of her 1000. */
let paid: string

const transfers = transferStoreOver(() => bank.ledger)
const present = presentBank(() => bank)

async function build(ledger: LedgerEngine) {
  const routes = [
    createTransferRoutes({ ledger, transfers, currencies: testCurrencies }),
    createReversalRoutes({ ledger, transfers }),
  ]
  return buildTestApp({ routes, rolesOf: present.rolesOf })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(present.ledger)
})

beforeEach(async () => {
  bank = createRouteBank()
  alices = await bank.open(bank.alice, 'EUR', 1000)
  bobs = await bank.open(bank.bob)
  paid = await pay(bank.alice, alices, bobs, 100)
})

/** The id of a new transfer. */
async function pay(owner: Uuid, from: Uuid, to: Uuid, amount: number): Promise<string> {
  const response = await app.inject({
    method: 'POST',
    url: '/v1/transfers',
    headers: { ...asUser(owner), 'idempotency-key': bank.newUuid() },
    payload: { from_account_id: acct(from), to_account_id: acct(to), amount, currency: 'EUR' },
  })
  expect(response.statusCode).toBe(201)
  return response.json().id
}

interface Call {
  user?: Uuid
  key?: string
  headers?: Record<string, string>
  target?: typeof app
}

async function reverse(id: string, body?: object, call: Call = {}) {
  const { user = bank.bob, key = bank.newUuid(), headers = {}, target = app } = call
  return target.inject({
    method: 'POST',
    url: `/v1/transfers/${id}/reversals`,
    headers: { ...asUser(user), 'idempotency-key': key, ...headers },
    ...(body && { payload: body }),
  })
}

async function get(path: string, user: Uuid) {
  return app.inject({ url: path, headers: { ...asUser(user), 'request-id': 'same' } })
}

const balances = async () => {
  const accounts = await Promise.all([alices, bobs].map((id) => bank.ledger.account(id)))
  return accounts.map((account) => Number(account?.ledgerBalance))
}

describe('POST /v1/transfers/{id}/reversals', () => {
  test('OK: the receiver gives all of it back, and sees the side that pays', async () => {
    const response = await reverse(paid)
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^xfer_/),
      kind: 'reversal',
      from_account_id: acct(bobs),
      to_account_id: acct(alices),
      amount: 100,
      currency: 'EUR',
      description: null,
      reference: null,
      reverses_id: paid,
      hold_id: null,
      group_id: null,
      created_at: '2026-01-15T09:30:00.000Z',
      metadata: {},
      from_entry: expect.objectContaining({ seq: 2, amount: -100, balance_after: 0 }),
    })
    expect(await balances()).toEqual([1000, 0])
  })

  test('part by part, with words, and never more than the transfer in sum', async () => {
    const words = { description: 'One was broken', reference: 'RMA-1', metadata: { order: '42' } }
    expect((await reverse(paid, { amount: 60, ...words })).json()).toMatchObject(words)
    expect((await reverse(paid, { amount: 41 })).json()).toMatchObject({
      status: 422,
      code: 'reversal_exceeds_original',
      available: 40,
      requested: 41,
      currency: 'EUR',
    })
    expect((await reverse(paid)).json()).toMatchObject({ amount: 40 })
    expect((await reverse(paid)).json()).toMatchObject({
      code: 'reversal_exceeds_original',
      available: 0,
    })
    expect(await balances()).toEqual([1000, 0])
  })

  test('a replay has the same bytes and is marked; a key of another transfer is reused', async () => {
    const first = await reverse(paid, { amount: 1 }, { key: 'k' })
    const again = await reverse(paid, { amount: 1 }, { key: 'k' })
    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    const other = await pay(bank.alice, alices, bobs, 5)
    const reused = await reverse(other, { amount: 1 }, { key: 'k' })
    expect(reused.json()).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(reused.json().fields).toEqual(['transfer_id'])
  })

  test('a replay of all that is left is the same when nothing is left', async () => {
    const first = await reverse(paid, {}, { key: 'k' })
    const again = await reverse(paid, undefined, { key: 'k' })
    expect(again.body).toBe(first.body)
    expect(await balances()).toEqual([1000, 0])
  })

  test('a teller does it for the receiver, sees no balance, and leaves a row for it', async () => {
    const response = await reverse(paid, { amount: 100 }, { user: bank.teller })
    expect(response.statusCode).toBe(201)
    expect(response.json()).not.toHaveProperty('from_entry')
    expect(response.json()).not.toHaveProperty('metadata')
    expect(await balances()).toEqual([1000, 0])
    expect(bank.ledger.staffEvents().at(-1)).toMatchObject({
      kind: 'reversal.posted',
      actorId: bank.teller,
      accountId: bobs,
      facts: { transfer_id: response.json().id },
    })
  })

  test('a teller takes back a deposit, which its receiver may not', async () => {
    const [deposit] = bank.ledger.transfers()
    const id = encodeId('xfer', deposit?.id ?? '')
    expect((await reverse(id, {}, { user: bank.alice })).json()).toMatchObject({
      status: 422,
      code: 'not_reversible',
    })
    expect((await reverse(id, { amount: 900 }, { user: bank.teller })).statusCode).toBe(201)
    expect(await balances()).toEqual([0, 100])
  })

  test('a teller gives back what was paid to themself as anyone does', async () => {
    const own = await bank.open(bank.teller)
    const id = await pay(bank.alice, alices, own, 50)
    const response = await reverse(id, {}, { user: bank.teller })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({ from_entry: { amount: -50, balance_after: 0 } })
    expect(bank.ledger.staffEvents().map(({ kind }) => kind)).not.toContain('reversal.posted')
  })

  test('OwnAccount: a teller does not take back their own payment', async () => {
    const own = await bank.open(bank.teller, 'EUR', 0)
    await pay(bank.alice, alices, own, 50)
    const id = await pay(bank.teller, own, bobs, 50)
    expect((await reverse(id, {}, { user: bank.teller })).json()).toMatchObject({
      status: 403,
      code: 'own_account',
    })
  })

  test('NotReversible: a reversal is final', async () => {
    const { id } = (await reverse(paid)).json()
    for (const user of [bank.alice, bank.teller]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await reverse(id, {}, { user })).json()).toMatchObject({
        status: 422,
        code: 'not_reversible',
      })
    }
  })

  test('InsufficientFunds where the receiver has spent it', async () => {
    await pay(bank.bob, bobs, alices, 1)
    expect((await reverse(paid)).json()).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      available: 99,
      requested: 100,
    })
    expect((await reverse(paid, { amount: 99 })).statusCode).toBe(201)
  })

  test('AccountFrozen, AccountClosed, BalanceOutOfRange', async () => {
    bank.ledger.arrange(bobs, { status: 'frozen' })
    expect((await reverse(paid)).json()).toMatchObject({ status: 422, code: 'account_frozen' })
    bank.ledger.arrange(bobs, { status: 'open' })
    bank.ledger.arrange(alices, { status: 'closed' })
    expect((await reverse(paid)).json()).toMatchObject({ code: 'account_closed', side: 'credit' })
    bank.ledger.arrange(alices, { status: 'open' })
    const full = await bank.open(bank.alice, 'EUR', MINOR_MAX)
    const id = await pay(bank.alice, full, bobs, 10)
    await pay(bank.alice, alices, full, 10)
    expect((await reverse(id)).json()).toMatchObject({ code: 'balance_out_of_range' })
  })

  test('who did not receive it gets the same bytes as for none, the payer and other staff too', async () => {
    const headers = { 'request-id': 'same' }
    const absent = encodeId('xfer', bank.newUuid())
    const notFound = await reverse(absent, {}, { headers })
    expect(notFound.json()).toMatchObject({ status: 404, code: 'transfer_not_found' })
    for (const user of [bank.alice, bank.newUuid(), bank.auditor, bank.admin]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await reverse(paid, {}, { user, headers })).body).toBe(notFound.body)
    }
    const ofTeller = await reverse(absent, {}, { user: bank.teller, headers })
    expect(ofTeller.body).toBe(notFound.body)
    expect(await balances()).toEqual([900, 100])
  })

  test.each([
    ['amount', 0],
    ['amount', null],
    ['amount', '1'],
    ['description', ''],
    ['reference', 'a\u0007'],
    ['currency', 'EUR'],
  ])('an invalid member is 400: %s %j', async (member, value) => {
    const response = await reverse(paid, { [member]: value })
    expect(response.statusCode).toBe(400)
    expect(await balances()).toEqual([900, 100])
  })

  test('NoAuthorization, IdempotencyKey missing, InvalidID', async () => {
    const url = `/v1/transfers/${paid}/reversals`
    expect((await app.inject({ method: 'POST', url })).statusCode).toBe(401)
    const keyless = await app.inject({ method: 'POST', url, headers: asUser(bank.bob) })
    expect(keyless.json()).toMatchObject({ status: 400, code: 'idempotency_key_missing' })
    expect((await reverse('xfer_1')).statusCode).toBe(400)
  })

  test('a fault of the engine is 503, all else 500', async () => {
    const down = await build(failingLedger(bank.ledger, new Fault('outcome_unknown', 'secret')))
    const fault = await reverse(paid, {}, { target: down })
    expect(fault.json()).toMatchObject({ status: 503, code: 'outcome_unknown' })
    const broken = await build(failingLedger(bank.ledger, new Error('secret')))
    const defect = await reverse(paid, {}, { target: broken })
    expect(defect.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(fault.body + defect.body).not.toContain('secret')
  })
})

describe('what was reversed', () => {
  test('the transfer says how much, to both parties and staff', async () => {
    const read = async (user: Uuid) => (await get(`/v1/transfers/${paid}`, user)).json()
    expect(await read(bank.alice)).toMatchObject({ amount: 100, reversed_amount: 0 })
    await reverse(paid, { amount: 30 })
    await reverse(paid, { amount: 20 })
    for (const user of [bank.alice, bank.bob, bank.auditor]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await read(user)).toMatchObject({ amount: 100, reversed_amount: 50 })
    }
  })

  test('GET /v1/transfers/{id}/reversals: newest first, page by page, each as the reader sees it', async () => {
    for (const amount of [1, 2, 3]) await reverse(paid, { amount })
    const url = `/v1/transfers/${paid}/reversals?limit=2`
    const first = (await get(url, bank.bob)).json()
    expect(first.data).toMatchObject([
      { amount: 3, reverses_id: paid, from_entry: { amount: -3 } },
      { amount: 2 },
    ])
    const second = (await get(`${url}&cursor=${first.next_cursor}`, bank.bob)).json()
    expect(second).toMatchObject({ data: [{ amount: 1 }], next_cursor: null })
    const payers = (await get(url, bank.alice)).json()
    expect(payers.data[0]).toMatchObject({ to_entry: { amount: 3 } })
    expect(payers.data[0]).not.toHaveProperty('from_entry')
    const ofStaff = (await get(url, bank.admin)).json()
    expect(ofStaff.data[0]).not.toHaveProperty('to_entry')
    const none = await get(`/v1/transfers/${first.data[0].id}/reversals`, bank.bob)
    expect(none.json()).toEqual({ data: [], next_cursor: null })
  })

  test('who may not read the transfer does not read its reversals', async () => {
    await reverse(paid)
    const stranger = bank.newUuid()
    const notYours = await get(`/v1/transfers/${paid}/reversals`, stranger)
    const absent = encodeId('xfer', bank.newUuid())
    const notFound = await get(`/v1/transfers/${absent}/reversals`, stranger)
    expect(notYours.json()).toMatchObject({ status: 404, code: 'transfer_not_found' })
    expect(notFound.body).toBe(notYours.body)
  })

  test('a cursor that was made up is refused', async () => {
    const scope = { list: `reversals:${decodeId('xfer', paid)}`, userId: bank.bob }
    const url = `/v1/transfers/${paid}/reversals?cursor=${encodeCursor('7', scope)}`
    const response = await get(url, bank.bob)
    expect(response.json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
  })
})
