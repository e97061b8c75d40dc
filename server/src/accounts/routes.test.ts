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
import { encodeId } from '../kernel/ids.ts'
import { createAccountRoutes, type AccountRoutesDependencies } from './routes.ts'
import type { Account, AccountPage, AccountStore } from './store.ts'

let bank: RouteBank
let stored: Account[]
let accounts: AccountStore

beforeEach(() => {
  bank = createRouteBank()
  stored = []
  accounts = {
    find: async (id) => stored.find((account) => account.id === id),
    listByOwner: async ({ ownerId, before, limit }) =>
      stored
        .filter((account) => account.ownerId === ownerId && (!before || account.id < before))
        .toSorted((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit),
  }
})

function put(ownerId: string, change: Partial<Account> = {}): Account {
  const account: Account = {
    id: bank.newUuid(),
    ownerId,
    name: null,
    currency: 'EUR',
    status: 'open',
    ledgerBalance: 0,
    held: 0,
    overdraftLimit: 0,
    transferLimit: null,
    dailyLimit: null,
    version: 0,
    createdAt: new Date('2026-01-15T09:30:00.000Z'),
    ...change,
  }
  stored.push(account)
  return account
}

const present = presentBank(() => bank)

async function neverAsked(): Promise<never> {
  throw new Error('nobody asks for the past')
}

async function build(change: Partial<AccountRoutesDependencies> = {}) {
  const dependencies = {
    ledger: present.ledger,
    accounts: {
      find: async (id: string) => accounts.find(id),
      listByOwner: async (page: AccountPage) => accounts.listByOwner(page),
    },
    // Of what was: see past.test.ts.
    balances: { balanceAt: neverAsked, balanceAfter: neverAsked },
    currencies: testCurrencies,
    accountsMax: 2,
    ...change,
  }
  const routes = [createAccountRoutes(dependencies)]
  return buildTestApp({ routes, rolesOf: present.rolesOf })
}

let shared: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  shared = await build()
})

async function app(change: Partial<AccountRoutesDependencies> = {}) {
  return Object.keys(change).length > 0 ? build(change) : shared
}

interface Opening {
  change?: Partial<AccountRoutesDependencies>
  headers?: Record<string, string>
}

async function open(payload: unknown, { change = {}, headers = {} }: Opening = {}) {
  const target = await app(change)
  return target.inject({
    method: 'POST',
    url: '/v1/accounts',
    headers: { ...asUser(bank.alice), 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(payload),
  })
}

async function get(
  url: string,
  user = bank.alice,
  change: Partial<AccountRoutesDependencies> = {},
) {
  return (await app(change)).inject({ url, headers: asUser(user) })
}

describe('POST /v1/accounts', () => {
  test('OK: a new account of the caller with nothing on it', async () => {
    const response = await open({ currency: 'EUR', name: 'Rent' })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({
      id: expect.stringMatching(/^acct_[0-7][0-9a-z]{25}$/),
      owner_id: encodeId('user', bank.alice),
      name: 'Rent',
      currency: 'EUR',
      status: 'open',
      ledger_balance: 0,
      held: 0,
      available_balance: 0,
      overdraft_limit: 0,
      limits: { per_transfer: null, per_day: null },
      version: 0,
      created_at: '2026-01-15T09:30:00.000Z',
    })
    expect(bank.ledger.accounts()).toHaveLength(1)
  })

  test('NoAuthorization', async () => {
    const response = await (await app()).inject({ method: 'POST', url: '/v1/accounts' })
    expect(response.statusCode).toBe(401)
    expect(bank.ledger.accounts()).toHaveLength(0)
  })

  test('without a key each request opens one; with a key a repeat is a replay', async () => {
    const headers = { 'idempotency-key': 'k' }
    const first = await open({ currency: 'EUR' }, { headers })
    const again = await open({ currency: 'EUR' }, { headers })
    expect(again.statusCode).toBe(201)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    const reused = await open({ currency: 'KRW' }, { headers })
    expect(reused.json()).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
      fields: ['currency'],
    })
    expect((await open({ currency: 'EUR' })).json().id).not.toBe(first.json().id)
    expect(bank.ledger.accounts()).toHaveLength(2)
  })

  test('TooManyAccounts: refused, and the refusal is replayed byte for byte', async () => {
    await open({ currency: 'EUR' })
    await open({ currency: 'KRW' })
    const headers = { 'idempotency-key': 'k', 'request-id': 'one' }
    const refused = await open({ currency: 'EUR' }, { headers })
    expect(refused.json()).toMatchObject({ status: 422, code: 'too_many_accounts', limit: 2 })
    const again = await open(
      { currency: 'EUR' },
      { headers: { ...headers, 'request-id': 'two' }, change: { accountsMax: 9 } },
    )
    expect(again.body).toBe(refused.body)
  })

  test('InvalidCurrency', async () => {
    const unsupported = await open({ currency: 'USD' })
    expect(unsupported.json()).toMatchObject({
      status: 400,
      code: 'currency_not_supported',
      currency: 'USD',
      supported: ['EUR', 'KRW'],
    })
    for (const currency of ['eur', 'EURO', '', 1, null]) {
      expect((await open({ currency })).json().code).toBe('validation_failed')
    }
  })

  test.each([
    ['', 'empty'],
    ['   ', 'blanks'],
    ['a\u202eb', 'a direction override'],
    ['a\u0007', 'a control character'],
    ['e\u0301', 'not NFC'],
    ['x'.repeat(101), 'too long'],
  ])('InvalidName: %j (%s)', async (name) => {
    const response = await open({ currency: 'EUR', name })
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    expect(response.json().errors[0].pointer).toBe('/name')
  })

  test.each([
    ['role', 'admin'],
    ['owner_id', 'user_01h455vb4pex5vsknk084sn02q'],
    ['balance', 100],
  ])('the member %s is not known here', async (member, value) => {
    const response = await open({ currency: 'EUR', [member]: value })
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
  })

  test('InternalError, and a fault of the engine', async () => {
    const broken = { ledger: failingLedger(bank.ledger, new Error('secret')) }
    const response = await open({ currency: 'EUR' }, { change: broken })
    expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(response.body).not.toContain('secret')
    const down = { ledger: failingLedger(bank.ledger, new Fault('unavailable', 'no database')) }
    expect((await open({ currency: 'EUR' }, { change: down })).statusCode).toBe(503)
  })
})

describe('GET /v1/accounts/{id}', () => {
  test('OK: the owner reads balances and what is available of them', async () => {
    const account = put(bank.alice, {
      name: 'Rent',
      ledgerBalance: -200,
      held: 300,
      overdraftLimit: 1000,
      dailyLimit: 250,
      version: 7,
    })
    const response = await get(`/v1/accounts/${acct(account.id)}`)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({
      id: acct(account.id),
      owner_id: encodeId('user', bank.alice),
      name: 'Rent',
      currency: 'EUR',
      status: 'open',
      ledger_balance: -200,
      held: 300,
      available_balance: 500,
      overdraft_limit: 1000,
      limits: { per_transfer: null, per_day: 250 },
      version: 7,
      created_at: '2026-01-15T09:30:00.000Z',
    })
  })

  test('UnauthorizedUser has the same bytes as NotFound', async () => {
    const account = put(bank.alice)
    const target = await app()
    const read = (id: string) =>
      target.inject({
        url: `/v1/accounts/${id}`,
        headers: { ...asUser(bank.bob), 'request-id': 'same' },
      })
    const notYours = await read(acct(account.id))
    const notFound = await read(acct(bank.newUuid()))
    expect(notYours.statusCode).toBe(404)
    expect(notYours.json().code).toBe('account_not_found')
    expect(notFound.statusCode).toBe(404)
    expect(notFound.body).toBe(notYours.body)
  })

  test('every kind of staff reads it, and NotFound is the same for them', async () => {
    const account = put(bank.alice)
    for (const user of [bank.teller, bank.auditor, bank.admin]) {
      expect((await get(`/v1/accounts/${acct(account.id)}`, user)).statusCode).toBe(200)
      expect((await get(`/v1/accounts/${acct(bank.newUuid())}`, user)).statusCode).toBe(404)
    }
  })

  test('NoAuthorization', async () => {
    const response = await (await app()).inject(`/v1/accounts/${acct(put(bank.alice).id)}`)
    expect(response.statusCode).toBe(401)
  })

  test.each([
    '1',
    'acct_',
    'acct_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'user_01h455vb4pex5vsknk084sn02q',
    '%00',
  ])('InvalidID: %s', async (id) => {
    const response = await get(`/v1/accounts/${id}`)
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
  })

  test('InternalError', async () => {
    const find = vi.fn<AccountStore['find']>().mockRejectedValue(new Error('secret'))
    const url = `/v1/accounts/${acct(bank.newUuid())}`
    const response = await get(url, bank.alice, { accounts: { ...accounts, find } })
    expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(response.body).not.toContain('secret')
  })
})

describe('GET /v1/accounts', () => {
  test('OK: only accounts of the caller, newest first, page by page', async () => {
    const [first, , second, third] = [
      put(bank.alice),
      put(bank.bob),
      put(bank.alice),
      put(bank.alice),
    ].map(({ id }) => acct(id))
    const page = (await get('/v1/accounts?limit=2')).json()
    expect(page.data.map(({ id }: { id: string }) => id)).toEqual([third, second])
    const next = (await get(`/v1/accounts?limit=2&cursor=${page.next_cursor}`)).json()
    expect(next.data.map(({ id }: { id: string }) => id)).toEqual([first])
    expect(next.next_cursor).toBeNull()
  })

  test('a page that is just full is the last one', async () => {
    put(bank.alice)
    put(bank.alice)
    expect((await get('/v1/accounts?limit=2')).json().next_cursor).toBeNull()
  })

  test('who has none gets an empty list, staff too', async () => {
    put(bank.bob)
    for (const user of [bank.alice, bank.admin]) {
      const response = await get('/v1/accounts', user)
      expect(response.json()).toEqual({ data: [], next_cursor: null })
    }
  })

  test("staff read another user's accounts, customers do not", async () => {
    const account = put(bank.bob)
    const url = `/v1/accounts?owner_id=${encodeId('user', bank.bob)}`
    for (const user of [bank.teller, bank.auditor, bank.admin, bank.bob]) {
      expect((await get(url, user)).json().data).toMatchObject([{ id: acct(account.id) }])
    }
    expect((await get(url)).json()).toMatchObject({
      status: 403,
      code: 'role_required',
      roles: ['teller', 'auditor', 'admin'],
    })
  })

  test('NoAuthorization', async () => {
    expect((await (await app()).inject('/v1/accounts')).statusCode).toBe(401)
  })

  test('InvalidCursor: made up, another user’s, another list’s, a twin of another spelling', async () => {
    for (const ownerId of [bank.alice, bank.bob]) for (let n = 0; n < 3; n += 1) put(ownerId)
    const { next_cursor: cursor } = (await get('/v1/accounts?limit=1')).json()
    const bobs = `/v1/accounts?owner_id=${encodeId('user', bank.bob)}`
    const other = (await get(`${bobs}&limit=1`, bank.teller)).json().next_cursor
    expect([typeof cursor, typeof other]).toEqual(['string', 'string'])
    const attempts: [string, string][] = [
      ['/v1/accounts?cursor=x', bank.alice],
      [`/v1/accounts?cursor=${cursor}`, bank.bob],
      [`/v1/accounts?cursor=${other}`, bank.teller],
      [`/v1/accounts?cursor=${cursor}%3D`, bank.alice],
    ]
    for (const [url, user] of attempts) {
      expect((await get(url, user)).json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
    }
  })

  test.each(['0', '-1', '101', '1000000000', '1.5', '1e1', 'x', '', '1&limit=2'])(
    'InvalidLimit: %s',
    async (limit) => {
      const response = await get(`/v1/accounts?limit=${limit}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    },
  )

  test('an unknown parameter is refused', async () => {
    expect((await get('/v1/accounts?page=2')).statusCode).toBe(400)
  })

  test('InternalError', async () => {
    const listByOwner = vi.fn<AccountStore['listByOwner']>().mockRejectedValue(new Error('secret'))
    const response = await get('/v1/accounts', bank.alice, {
      accounts: { ...accounts, listByOwner },
    })
    expect(response.statusCode).toBe(500)
  })
})
