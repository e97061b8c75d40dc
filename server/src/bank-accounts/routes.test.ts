import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
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
import { createBankAccountRoutes, type BankAccountRoutesDependencies } from './routes.ts'
import type { BankAccountStore } from './store.ts'

let bank: RouteBank

const bankAccounts: BankAccountStore = {
  list: async ({ before, limit }) =>
    bank.ledger
      .bankAccounts()
      .toReversed()
      .filter(({ accountId }) => before === undefined || accountId < before)
      .slice(0, limit)
      .map((account) => ({ ...account, ledgerBalance: 90_071_992_547_409_930n })),
}

beforeEach(() => {
  bank = createRouteBank()
})

const present = presentBank(() => bank)

async function build(change: Partial<BankAccountRoutesDependencies> = {}) {
  const dependencies = {
    ledger: present.ledger,
    bankAccounts,
    currencies: testCurrencies,
    ...change,
  }
  const routes = [createBankAccountRoutes(dependencies)]
  return buildTestApp({ routes, rolesOf: present.rolesOf })
}

let shared: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  shared = await build()
})

async function app(change: Partial<BankAccountRoutesDependencies> = {}) {
  return Object.keys(change).length > 0 ? build(change) : shared
}

async function open(
  payload: Record<string, unknown>,
  user: Uuid = bank.admin,
  change: Partial<BankAccountRoutesDependencies> = {},
) {
  const headers = asUser(user)
  return (await app(change)).inject({ method: 'POST', url: '/v1/bank-accounts', headers, payload })
}

async function list(query = '', user: Uuid = bank.teller) {
  return (await app()).inject({ url: `/v1/bank-accounts${query}`, headers: asUser(user) })
}

describe('POST /v1/bank-accounts', () => {
  test('OK: an account of the bank, its balance as a string', async () => {
    const response = await open({ code: 'settlement:sepa', currency: 'EUR', normal_side: 'credit' })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({
      id: acct(bank.ledger.bankAccounts()[0]?.accountId ?? ''),
      code: 'settlement:sepa',
      currency: 'EUR',
      normal_side: 'credit',
      ledger_balance: '0',
      created_at: '2026-01-15T09:30:00.000Z',
    })
  })

  test('the normal side is by default what the code has', async () => {
    expect((await open({ code: 'cash', currency: 'EUR' })).json().normal_side).toBe('debit')
    expect((await open({ code: 'fees', currency: 'EUR' })).json().normal_side).toBe('credit')
  })

  test('one that is there is given with 200 and its balance; with another side it is 409', async () => {
    await bank.open(bank.alice, 'EUR', 1000)
    const again = await open({ code: 'cash', currency: 'EUR', normal_side: 'debit' })
    expect(again.statusCode).toBe(200)
    expect(again.json().ledger_balance).toBe('1000')
    const other = await open({ code: 'cash', currency: 'EUR', normal_side: 'credit' })
    expect(other.json()).toMatchObject({
      status: 409,
      code: 'bank_account_exists',
      id: again.json().id,
      normal_side: 'debit',
    })
    expect((await open({ code: 'cash', currency: 'KRW' })).statusCode).toBe(201)
  })

  test('only an admin may', async () => {
    for (const user of [bank.alice, bank.teller, bank.auditor]) {
      const response = await open({ code: 'cash', currency: 'EUR' }, user)
      expect(response.json()).toMatchObject({ status: 403, code: 'role_required' })
    }
    expect(bank.ledger.bankAccounts()).toEqual([])
  })

  test.each([
    { code: 'wallet', currency: 'EUR' },
    { code: 'settlement:', currency: 'EUR' },
    { code: 'cash', currency: 'eur' },
    { code: 'cash', currency: 'EUR', normal_side: 'left' },
    { code: 'cash' },
    { code: 'cash', currency: 'EUR', balance: '1' },
  ])('InvalidBody: %j', async (payload) => {
    expect((await open(payload)).json()).toMatchObject({ status: 400, code: 'validation_failed' })
  })

  test('InvalidCurrency, NoAuthorization', async () => {
    const response = await open({ code: 'cash', currency: 'USD' })
    expect(response.json()).toMatchObject({ status: 400, code: 'currency_not_supported' })
    const request = { method: 'POST', url: '/v1/bank-accounts' } as const
    expect((await (await app()).inject(request)).statusCode).toBe(401)
  })

  test('InternalError, and a fault of the engine', async () => {
    const body = { code: 'cash', currency: 'EUR' }
    const broken = { ledger: failingLedger(bank.ledger, new Error('secret')) }
    const response = await open(body, bank.admin, broken)
    expect(response.statusCode).toBe(500)
    expect(response.body).not.toContain('secret')
    const down = { ledger: failingLedger(bank.ledger, new Fault('unavailable', 'x')) }
    expect((await open(body, bank.admin, down)).statusCode).toBe(503)
  })
})

describe('GET /v1/bank-accounts', () => {
  test('OK: every kind of staff lists them, page by page; balances may outgrow JSON integers', async () => {
    await bank.ledger.openBankAccount('cash', 'EUR')
    await bank.ledger.openBankAccount('fees', 'EUR')
    for (const user of [bank.teller, bank.auditor, bank.admin]) {
      const page = (await list('?limit=1', user)).json()
      expect(page.data).toMatchObject([{ code: 'fees', ledger_balance: '90071992547409930' }])
      const next = (await list(`?limit=1&cursor=${page.next_cursor}`, user)).json()
      expect(next).toMatchObject({ data: [{ code: 'cash' }], next_cursor: null })
    }
  })

  test('customers may not', async () => {
    expect((await list('', bank.alice)).json()).toMatchObject({
      status: 403,
      code: 'role_required',
    })
  })

  test('InvalidCursor, InvalidLimit, InternalError', async () => {
    expect((await list('?cursor=x')).json().code).toBe('invalid_cursor')
    expect((await list('?limit=0')).json().code).toBe('validation_failed')
    const failing = vi.fn<BankAccountStore['list']>().mockRejectedValue(new Error('secret'))
    const broken = await app({ bankAccounts: { list: failing } })
    const request = { url: '/v1/bank-accounts', headers: asUser(bank.admin) }
    expect((await broken.inject(request)).statusCode).toBe(500)
  })
})
