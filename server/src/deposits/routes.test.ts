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
import type { Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createDepositRoutes } from './routes.ts'

let bank: RouteBank
let account: Uuid

beforeEach(async () => {
  bank = createRouteBank()
  account = await bank.open(bank.alice, 'EUR', 1000)
})

const present = presentBank(() => bank)

async function build(ledger: LedgerEngine) {
  const routes = [createDepositRoutes({ ledger, currencies: testCurrencies })]
  return buildTestApp({ routes, rolesOf: present.rolesOf })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(present.ledger)
})

interface Call {
  user?: Uuid
  headers?: Record<string, string>
  ledger?: LedgerEngine
}

type Path = 'deposits' | 'withdrawals'

async function call(path: Path, change: Record<string, unknown> = {}, options: Call = {}) {
  const { user = bank.teller, headers = {}, ledger } = options
  const target = ledger ? await build(ledger) : app
  return target.inject({
    method: 'POST',
    url: `/v1/${path}`,
    headers: { ...asUser(user), 'idempotency-key': bank.newUuid(), ...headers },
    payload: { account_id: acct(account), amount: 100, currency: 'EUR', ...change },
  })
}

const balance = async () => (await bank.ledger.account(account))?.ledgerBalance

describe('POST /v1/deposits', () => {
  test('OK: from cash to the account, and the answer shows no balance', async () => {
    const response = await call('deposits', { description: 'cash', reference: 'slip 1' })
    expect(response.statusCode).toBe(201)
    const cash = bank.ledger.bankAccounts().find(({ code }) => code === 'cash')
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^xfer_/),
      kind: 'deposit',
      from_account_id: acct(cash?.accountId ?? ''),
      to_account_id: acct(account),
      amount: 100,
      currency: 'EUR',
      description: 'cash',
      reference: 'slip 1',
      reverses_id: null,
      hold_id: null,
      group_id: null,
      created_at: '2026-01-15T09:30:00.000Z',
    })
    expect(await balance()).toBe(1100n)
  })

  test('via another account of the bank', async () => {
    const response = await call('deposits', { via: 'settlement:sepa' })
    const other = bank.ledger.bankAccounts().find(({ code }) => code === 'settlement:sepa')
    expect(response.json().from_account_id).toBe(acct(other?.accountId ?? ''))
  })

  test('BalanceOutOfRange', async () => {
    const response = await call('deposits', { amount: MINOR_MAX })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'balance_out_of_range',
      side: 'credit',
    })
  })
})

describe('POST /v1/withdrawals', () => {
  test('OK: from the account to cash', async () => {
    const response = await call('withdrawals', { amount: 1000 })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({ kind: 'withdrawal', from_account_id: acct(account) })
    expect(response.json()).not.toHaveProperty('from_entry')
    expect(await balance()).toBe(0n)
  })

  test('InsufficientFunds', async () => {
    const response = await call('withdrawals', { amount: 1001 })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      available: 1000,
      requested: 1001,
    })
    expect(await balance()).toBe(1000n)
  })

  test('AccountFrozen', async () => {
    bank.ledger.arrange(account, { status: 'frozen' })
    expect((await call('withdrawals')).json()).toMatchObject({
      status: 422,
      code: 'account_frozen',
    })
    expect((await call('deposits')).statusCode).toBe(201)
  })
})

describe.each(['deposits', 'withdrawals'] as const)('both: POST /v1/%s', (path) => {
  const side = path === 'deposits' ? 'credit' : 'debit'

  test('a replay has the same bytes, is marked, and moves nothing', async () => {
    const headers = { 'idempotency-key': 'k' }
    const first = await call(path, {}, { headers })
    const after = await balance()
    const again = await call(path, { via: 'cash' }, { headers })
    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(await balance()).toBe(after)
  })

  test('a reused key names the fields as this request calls them', async () => {
    const headers = { 'idempotency-key': 'k' }
    await call(path, {}, { headers })
    const other = acct(await bank.open(bank.bob, 'EUR', 1000))
    const reused = await call(path, { account_id: other, via: 'fees' }, { headers })
    expect(reused.json()).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(reused.json().fields.toSorted()).toEqual(['account_id', 'via'])
  })

  test('NoAuthorization', async () => {
    expect((await app.inject({ method: 'POST', url: `/v1/${path}` })).statusCode).toBe(401)
  })

  test('only a teller may', async () => {
    for (const user of [bank.alice, bank.auditor, bank.admin]) {
      const response = await call(path, {}, { user })
      expect(response.json()).toMatchObject({
        status: 403,
        code: 'role_required',
        roles: ['teller'],
      })
    }
    expect(await balance()).toBe(1000n)
  })

  test('OwnAccount: a teller does not serve themself', async () => {
    const own = acct(await bank.open(bank.teller))
    const response = await call(path, { account_id: own })
    expect(response.json()).toMatchObject({ status: 403, code: 'own_account', side })
  })

  test('AccountNotFound, and for an account of the bank too', async () => {
    const response = await call(path, { account_id: acct(bank.newUuid()) })
    expect(response.json()).toMatchObject({ status: 404, code: 'account_not_found', side })
  })

  test('CurrencyMismatch and InvalidCurrency', async () => {
    expect((await call(path, { currency: 'KRW' })).json()).toMatchObject({
      status: 422,
      code: 'currency_mismatch',
      side,
    })
    expect((await call(path, { currency: 'USD' })).json()).toMatchObject({
      status: 400,
      code: 'currency_not_supported',
    })
  })

  test('AccountClosed', async () => {
    bank.ledger.arrange(account, { status: 'closed' })
    expect((await call(path)).json()).toMatchObject({ status: 422, code: 'account_closed', side })
  })

  test('LimitExceeded', async () => {
    const limited = createRouteBank({ transferAmountMax: 99 })
    const id = acct(await limited.open(bank.alice))
    const response = await call(path, { account_id: id }, { ledger: limited.ledger })
    expect(response.json()).toMatchObject({ status: 422, code: 'limit_exceeded', limit: 99 })
  })

  test.each([0, -1, 10.5, MINOR_MAX + 1, '100', null])('InvalidAmount: %j', async (amount) => {
    const response = await call(path, { amount })
    expect(response.statusCode).toBe(400)
    expect(response.body).toContain('amounts are in minor units: 1050 is 10.50 EUR')
  })

  test.each([
    ['via', 'wallet'],
    ['via', 'settlement:'],
    ['via', 'settlement:A'],
    ['account_id', '1'],
    ['description', ''],
    ['reference', 'a\u0007'],
    ['metadata', {}],
  ])('an invalid member is 400: %s %j', async (member, value) => {
    const response = await call(path, { [member]: value })
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    expect(await balance()).toBe(1000n)
  })

  test('the idempotency key is required', async () => {
    const response = await call(path, {}, { headers: { 'idempotency-key': '' } })
    expect(response.statusCode).toBe(400)
  })

  test('a fault of the engine is 503, all else 500', async () => {
    const down = failingLedger(bank.ledger, new Fault('outcome_unknown', 'secret'))
    const fault = await call(path, {}, { ledger: down })
    expect(fault.json()).toMatchObject({ status: 503, code: 'outcome_unknown', retry: 'same_key' })
    const broken = failingLedger(bank.ledger, new Error('secret'))
    const defect = await call(path, {}, { ledger: broken })
    expect(defect.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(defect.body + fault.body).not.toContain('secret')
  })
})
