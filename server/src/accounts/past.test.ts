import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import type { PastBalance } from '../entries/entries.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import type { Uuid } from '../kernel/ids.ts'
import { createAccountRoutes } from './routes.ts'
import type { Account } from './store.ts'

let bank: RouteBank
let account: Account
let app: Awaited<ReturnType<typeof buildTestApp>>

/** Two entries, on the 2nd and the 4th; it is the 15th. */
const past: PastBalance[] = [
  { seq: 0, ledgerBalance: 0n, bookedAt: null },
  { seq: 1, ledgerBalance: 500n, bookedAt: new Date('2026-01-02T00:00:00.000Z') },
  { seq: 2, ledgerBalance: -20n, bookedAt: new Date('2026-01-04T00:00:00.000Z') },
]

beforeAll(async () => {
  const { ledger, rolesOf } = presentBank(() => bank)
  const accounts = {
    find: async (id: Uuid) => (id === account.id ? account : undefined),
    listByOwner: async () => [],
  }
  const balances = {
    async balanceAt(_: Uuid, time: Date) {
      if (time > new Date('2026-01-15T00:00:00.000Z')) return undefined
      return past.findLast(({ bookedAt }) => bookedAt === null || bookedAt <= time)
    },
    balanceAfter: async (_: Uuid, seq: number) => past[seq],
  }
  const dependencies = { ledger, accounts, balances, currencies: testCurrencies, accountsMax: 2 }
  app = await buildTestApp({ routes: [createAccountRoutes(dependencies)], rolesOf })
})

beforeEach(() => {
  bank = createRouteBank()
  account = {
    id: bank.newUuid(),
    ownerId: bank.alice,
    name: 'Rent',
    currency: 'EUR',
    status: 'open',
    ledgerBalance: 900,
    held: 0,
    overdraftLimit: 50,
    transferLimit: 10,
    dailyLimit: null,
    version: 7,
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
  }
})

async function get(query: string, user = bank.alice, id = account.id) {
  const headers = { ...asUser(user), 'request-id': 'same' }
  return app.inject({ url: `/v1/accounts/${acct(id)}?${query}`, headers })
}

describe('GET /v1/accounts/{id} with a moment', () => {
  test('OK: what was posted up to then, entries of that very moment included, and no more', async () => {
    const moment = '2026-01-04T00:00:00.000Z'
    const response = await get(`at=${moment}`)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({
      id: acct(account.id),
      currency: 'EUR',
      ledger_balance: -20,
      version: 2,
      at: moment,
    })
    expect((await get('at=2026-01-04T00:59:59.999%2B01:00')).json()).toMatchObject({
      ledger_balance: 500,
      version: 1,
      at: '2026-01-03T23:59:59.999Z',
    })
    expect((await get('at=1999-01-01T00:00:00Z')).json()).toMatchObject({
      ledger_balance: 0,
      version: 0,
      at: '1999-01-01T00:00:00.000Z',
    })
  })

  test('OK: by the seq of an entry, with the moment at which it was booked', async () => {
    expect((await get('seq=1')).json()).toMatchObject({
      ledger_balance: 500,
      version: 1,
      at: '2026-01-02T00:00:00.000Z',
    })
    expect((await get('seq=0')).json()).toMatchObject({ ledger_balance: 0, version: 0, at: null })
  })

  test('the owner and auditors read it: other staff do not, who may not read entries either', async () => {
    for (const query of ['at=2026-01-04T00:00:00Z', 'seq=1']) {
      expect((await get(query, bank.auditor)).statusCode).toBe(200)
      for (const user of [bank.teller, bank.admin]) {
        expect((await get(query, user)).json()).toMatchObject({
          status: 403,
          code: 'role_required',
          roles: ['auditor'],
        })
      }
    }
  })

  test('for other customers the account has no past, as one that there is not', async () => {
    const absent = await get('seq=1', bank.alice, bank.newUuid())
    expect(absent.json()).toMatchObject({ status: 404, code: 'account_not_found' })
    expect((await get('seq=1', bank.bob)).body).toBe(absent.body)
  })

  test.each([
    ['at=2026-01-15T00:00:00.001Z', 'at', 'future'],
    ['seq=3', 'seq', 'future'],
    ['at=2026-01-04T00:00:00Z&seq=1', 'seq', 'exclusive'],
    ['at=2026-02-30T00:00:00Z', 'at', 'format'],
    ['at=yesterday-or-so-or-so', 'at', 'format'],
  ])('InvalidQuery: %s breaks a rule that has a name', async (query, pointer, code) => {
    const response = await get(query)
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    expect(response.json().errors).toMatchObject([{ pointer, code }])
  })

  test.each(['seq=-1', 'seq=1.5', 'seq=x', 'seq=9007199254740992', 'at=', 'at=1&at=2', 'on=1'])(
    'InvalidQuery: %s',
    async (query) => {
      expect((await get(query)).json()).toMatchObject({ status: 400, code: 'validation_failed' })
    },
  )
})
