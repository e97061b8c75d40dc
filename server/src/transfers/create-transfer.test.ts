import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
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
import { MINOR_MAX } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createTransferRoutes } from './routes.ts'
import type { TransferStore } from './store.ts'

const unusedStore: TransferStore = {
  find: async () => expect.unreachable(),
  listByAccount: async () => expect.unreachable(),
  listByReference: async () => expect.unreachable(),
  listReversals: async () => expect.unreachable(),
  reversedAmount: async () => expect.unreachable(),
  listAll: async () => expect.unreachable(),
}

let bank: RouteBank
/** Alice has 1000 in `from`, Bob nothing in `to`. */
let from: string
let to: string
let fromUuid: string

const present = presentBank(() => bank)

async function build(ledger: LedgerEngine) {
  return buildTestApp({
    routes: [createTransferRoutes({ ledger, transfers: unusedStore, currencies: testCurrencies })],
    rolesOf: present.rolesOf,
  })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(present.ledger)
})

interface Call {
  user?: string
  key?: string
  headers?: Record<string, string>
  ledger?: LedgerEngine
}

async function transfer(change: Record<string, unknown> = {}, call: Call = {}) {
  const target = call.ledger ? await build(call.ledger) : app
  return target.inject({
    method: 'POST',
    url: '/v1/transfers',
    headers: {
      ...asUser(call.user ?? bank.alice),
      'idempotency-key': call.key ?? bank.newUuid(),
      ...call.headers,
    },
    payload: { from_account_id: from, to_account_id: to, amount: 100, currency: 'EUR', ...change },
  })
}

beforeEach(async () => {
  bank = createRouteBank()
  fromUuid = await bank.open(bank.alice, 'EUR', 1000)
  from = acct(fromUuid)
  to = acct(await bank.open(bank.bob))
})

describe('posting', () => {
  test('OK: the answer is the transfer as its payer sees it', async () => {
    const response = await transfer({
      description: 'Miete für Mai',
      reference: 'INV-1',
      metadata: { order: '42', area: 'x' },
    })
    expect(response.statusCode).toBe(201)
    expect(response.headers['idempotency-replayed']).toBeUndefined()
    const body = response.json()
    expect(body).toEqual({
      id: expect.stringMatching(/^xfer_[0-7][0-9a-z]{25}$/),
      kind: 'transfer',
      from_account_id: from,
      to_account_id: to,
      amount: 100,
      currency: 'EUR',
      description: 'Miete für Mai',
      reference: 'INV-1',
      reverses_id: null,
      hold_id: null,
      group_id: null,
      created_at: '2026-01-15T09:30:00.000Z',
      metadata: { area: 'x', order: '42' },
      from_entry: {
        seq: 2,
        transfer_id: body.id,
        amount: -100,
        balance_after: 900,
        counterparty: { account_id: to },
        description: 'Miete für Mai',
        reference: 'INV-1',
        created_at: '2026-01-15T09:30:00.000Z',
      },
    })
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(900n)
  })

  test('without words the answer says so, and exactly the whole balance can be paid', async () => {
    const response = await transfer({ amount: 1000 })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({ description: null, reference: null, metadata: {} })
    expect(response.json().from_entry.balance_after).toBe(0)
  })

  test('a replay has the same status and bytes, is marked, and moves nothing', async () => {
    const words = { description: 'x', metadata: { b: '1', a: '2' } }
    const first = await transfer(words, { key: 'k' })
    const again = await transfer(
      { description: 'x', metadata: { a: '2', b: '1' } },
      { key: 'k', headers: { 'request-id': 'another' } },
    )
    expect(again.statusCode).toBe(first.statusCode)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(900n)
  })

  test('a replayed refusal has the same bytes too, with the first request id in them', async () => {
    const first = await transfer({ amount: 1001 }, { key: 'k', headers: { 'request-id': 'one' } })
    await transfer({ amount: 900 }, { key: 'other' })
    const again = await transfer({ amount: 1001 }, { key: 'k', headers: { 'request-id': 'two' } })
    expect(first.statusCode).toBe(422)
    expect(again.statusCode).toBe(422)
    expect(first.json().request_id).toBe('one')
    expect(again.body).toBe(first.body)
    expect(again.headers['request-id']).toBe('two')
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(again.headers['content-type']).toBe(first.headers['content-type'])
  })

  test('the same key of another user is independent', async () => {
    await transfer({}, { key: 'k' })
    const bobs = await bank.open(bank.bob, 'EUR', 50)
    const change = { from_account_id: acct(bobs), to_account_id: from, amount: 50 }
    const response = await transfer(change, { key: 'k', user: bank.bob })
    expect(response.statusCode).toBe(201)
    expect(response.json().amount).toBe(50)
  })

  test('a reused key is refused and names what differs; what it stood for stays', async () => {
    const first = await transfer({}, { key: 'k' })
    const reused = await transfer({ amount: 101, description: 'y' }, { key: 'k' })
    expect(reused.statusCode).toBe(422)
    expect(reused.json()).toMatchObject({
      code: 'idempotency_key_reused',
      fields: ['amount', 'description'],
    })
    expect(reused.headers['idempotency-replayed']).toBeUndefined()
    expect((await transfer({}, { key: 'k' })).body).toBe(first.body)
  })

  test('a try that validation refuses does not use up the key', async () => {
    expect((await transfer({ amount: 0 }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({ currency: 'XXX' }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({ description: 'a\u202eb' }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({}, { key: 'k' })).statusCode).toBe(201)
  })
})

describe('who asks', () => {
  test('NoAuthorization', async () => {
    const response = await app.inject({ method: 'POST', url: '/v1/transfers', payload: {} })
    expect(response.statusCode).toBe(401)
    expect(response.json().code).toBe('token_missing')
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('FromAccountNotYours has the same bytes as FromAccountNotFound', async () => {
    const headers = { 'request-id': 'same' }
    const notYours = await transfer({ from_account_id: to, to_account_id: from }, { headers })
    const notFound = await transfer(
      { from_account_id: acct(bank.newUuid()), to_account_id: from },
      { headers },
    )
    expect(notYours.statusCode).toBe(404)
    expect(notYours.json()).toMatchObject({ code: 'account_not_found', side: 'debit' })
    expect(notFound.body).toBe(notYours.body)
  })

  test('staff cannot pay from an account of a customer by a transfer', async () => {
    const response = await transfer({}, { user: bank.teller })
    expect(response.json()).toMatchObject({ status: 404, code: 'account_not_found' })
  })

  test.each([[{}], [{ 'idempotency-key': '' }], [{ 'idempotency-key': 'ü' }]])(
    'IdempotencyKey missing or invalid: %j',
    async (headers) => {
      const response = await app.inject({
        method: 'POST',
        url: '/v1/transfers',
        headers: { ...asUser(bank.alice), ...headers },
        payload: { from_account_id: from, to_account_id: to, amount: 100, currency: 'EUR' },
      })
      expect(response.statusCode).toBe(400)
      expect(response.json().code).toMatch(/^idempotency_key_(missing|invalid)$/)
    },
  )
})

describe('refusals', () => {
  test('ToAccountNotFound', async () => {
    const response = await transfer({ to_account_id: acct(bank.newUuid()) })
    expect(response.json()).toMatchObject({
      status: 404,
      code: 'account_not_found',
      side: 'credit',
    })
  })

  test.each([
    ['debit', 'KRW', 'EUR'],
    ['credit', 'EUR', 'KRW'],
  ])('CurrencyMismatch on the %s side', async (side, debitCurrency, creditCurrency) => {
    const response = await transfer({
      from_account_id: acct(await bank.open(bank.alice, debitCurrency, 1000)),
      to_account_id: acct(await bank.open(bank.bob, creditCurrency)),
    })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'currency_mismatch',
      side,
      account_currency: 'KRW',
      currency: 'EUR',
    })
  })

  test('InvalidCurrency: the answer says which there are', async () => {
    const response = await transfer({ currency: 'XTS' })
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'currency_not_supported',
      supported: ['EUR', 'KRW'],
    })
  })

  test.each([
    ['negative', -1],
    ['zero', 0],
    ['fractional', 10.5],
    ['too large', MINOR_MAX + 1],
    ['a string', '100'],
    ['null', null],
    ['true', true],
    ['a list', [100]],
  ])('an amount that is %s is 400 with the hint', async (_, amount) => {
    const response = await transfer({ amount })
    expect(response.statusCode).toBe(400)
    expect(response.body).toContain('amounts are in minor units: 1050 is 10.50 EUR')
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('InsufficientFunds: one more than there is', async () => {
    const response = await transfer({ amount: 1001 })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      retry: 'new_key',
      available: 1000,
      requested: 1001,
      currency: 'EUR',
      detail:
        'The account has 1000 minor units of EUR available, 1001 minor units of EUR was requested.',
    })
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(1000n)
  })

  test('SameAccount', async () => {
    const response = await transfer({ to_account_id: from })
    expect(response.json()).toMatchObject({ status: 422, code: 'same_account' })
  })

  test('AccountFrozen: it receives, but does not pay', async () => {
    bank.ledger.arrange(fromUuid, { status: 'frozen' })
    expect((await transfer()).json()).toMatchObject({ status: 422, code: 'account_frozen' })
  })

  test('AccountClosed', async () => {
    bank.ledger.arrange(fromUuid, { status: 'closed' })
    const refusal = { status: 422, code: 'account_closed', side: 'debit' }
    expect((await transfer()).json()).toMatchObject(refusal)
  })

  test('LimitExceeded', async () => {
    const limited = createRouteBank({ transferAmountMax: 99 })
    const account = acct(await limited.open(bank.alice))
    const change = { from_account_id: account, to_account_id: acct(await limited.open(bank.bob)) }
    const response = await transfer(change, { ledger: limited.ledger })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'limit_exceeded',
      limit: 99,
      requested: 100,
    })
  })

  test('BalanceOutOfRange', async () => {
    const full = acct(await bank.open(bank.bob, 'EUR', MINOR_MAX))
    const response = await transfer({ to_account_id: full })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'balance_out_of_range',
      side: 'credit',
    })
  })
})

describe('the schema', () => {
  test.each([
    ['an id of another kind', { from_account_id: 'user_01h455vb4pex5vsknk084sn02q' }],
    ['an id with SQL', { to_account_id: "acct_' or 1=1 --" }],
    ['an unknown member', { role: 'admin' }],
    ['a currency in lower case', { currency: 'eur' }],
    ['an empty description', { description: '' }],
    ['a description of 141 characters', { description: 'x'.repeat(141) }],
    ['a description that is null', { description: null }],
    ['a reference of 65 characters', { reference: 'x'.repeat(65) }],
    ['a reference of blanks', { reference: '  ' }],
    ['a reference with a line feed', { reference: 'a\nb' }],
    ['17 pairs of metadata', { metadata: Object.fromEntries([...Array(17).keys()].map(pair)) }],
    ['a metadata key of 41 characters', { metadata: { ['k'.repeat(41)]: 'v' } }],
    ['an empty metadata key', { metadata: { '': 'v' } }],
    ['a metadata value of 501 characters', { metadata: { k: 'v'.repeat(501) } }],
    ['a metadata value with a control character', { metadata: { k: 'a\u0007' } }],
    ['a metadata value that is a number', { metadata: { k: 1 } }],
  ])('%s is 400 and moves nothing', async (_, change) => {
    const response = await transfer(change)
    expect(response.statusCode).toBe(400)
    expect(response.json().code).toBe('validation_failed')
    expect(response.json().errors[0].pointer).toMatch(/^\//)
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('texts may be as long as they may be, counted in code points', async () => {
    const response = await transfer({
      description: '😀'.repeat(140),
      reference: '😀'.repeat(64),
      metadata: Object.fromEntries(
        [...Array(16).keys()].map((n) => [`${n}`.padEnd(40, 'k'), '😀'.repeat(500)]),
      ),
    })
    expect(response.statusCode).toBe(201)
  })
})

function pair(n: number): [string, string] {
  return [`key ${n}`, 'value']
}

describe('failures of the surroundings', () => {
  test.each(['outcome_unknown', 'overloaded', 'unavailable', 'shutting_down'] as const)(
    'engine fault: %s is 503, to be tried again with the same key',
    async (code) => {
      const ledger = failingLedger(bank.ledger, new Fault(code, 'secret'))
      const response = await transfer({}, { ledger })
      expect(response.statusCode).toBe(503)
      expect(response.json()).toMatchObject({ code, retry: 'same_key' })
      expect(response.headers['retry-after']).toBeDefined()
      expect(response.body).not.toContain('secret')
    },
  )

  test('InternalError: the client sees the request id and nothing more', async () => {
    const ledger = failingLedger(bank.ledger, new Error('secret'))
    const response = await transfer({}, { ledger, headers: { 'request-id': 'r-1' } })
    expect(response.statusCode).toBe(500)
    expect(response.json()).toMatchObject({ code: 'internal_error', request_id: 'r-1' })
    expect(response.body).not.toContain('secret')
  })
})
