import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  acct,
  createRouteBank,
  presentBank,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import { createAccountOwnerRoutes } from './owner-routes.ts'
import type { Account } from './store.ts'

let bank: RouteBank
let account: Uuid
let name: string | null
let failure: Error | undefined
let app: Awaited<ReturnType<typeof buildTestApp>>

async function find(id: Uuid): Promise<Account | undefined> {
  const state = await bank.ledger.account(id)
  if (!state || state.ownerId === null) return undefined
  const { ownerId, ledgerBalance, ...rest } = state
  const createdAt = new Date('2026-01-15T09:30:00.000Z')
  return { ...rest, ownerId, ledgerBalance: toMinor(ledgerBalance), name, createdAt }
}

async function rename(accountId: Uuid, ownerId: Uuid, wanted: string | null): Promise<boolean> {
  if (failure) throw failure
  if ((await bank.ledger.account(accountId))?.ownerId !== ownerId) return false
  name = wanted
  return true
}

beforeAll(async () => {
  const { rolesOf } = presentBank(() => bank)
  const routes = [createAccountOwnerRoutes({ names: { rename }, accounts: { find } })]
  app = await buildTestApp({ routes, rolesOf })
})

beforeEach(async () => {
  bank = createRouteBank()
  account = await bank.open(bank.alice, 'EUR', 500)
  name = 'Rent'
  failure = undefined
})

const patch = (payload: object, userId = bank.alice, id = acct(account)) =>
  app.inject({
    method: 'PATCH',
    url: `/v1/accounts/${id}`,
    headers: { ...asUser(userId), 'request-id': 'same' },
    payload,
  })

describe('PATCH /v1/accounts/{id}', () => {
  test('OK: the owner names it, and takes the name away with null', async () => {
    const response = await patch({ name: 'Food 家賃' })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({
      id: acct(account),
      owner_id: encodeId('user', bank.alice),
      name: 'Food 家賃',
      ledger_balance: 500,
      version: 1,
    })
    expect((await patch({ name: null })).json()).toMatchObject({ name: null })
  })

  test('NotFound: for anybody else, staff too, it is as one that there is not', async () => {
    const absent = await patch({ name: 'Mine' }, bank.alice, acct(bank.newUuid()))
    expect(absent.json()).toMatchObject({ status: 404, code: 'account_not_found' })
    for (const user of [bank.bob, bank.teller, bank.auditor, bank.admin]) {
      expect((await patch({ name: 'Mine' }, user)).body).toBe(absent.body)
    }
    expect(name).toBe('Rent')
  })

  test.each([
    { name: '' },
    { name: '   ' },
    { name: 'a\u202eb' },
    { name: 'x'.repeat(101) },
    { name: 1 },
    {},
    { name: 'Fine', status: 'closed' },
    { name: 'Fine', ledger_balance: 1 },
  ])('InvalidBody: %j', async (body) => {
    expect((await patch(body)).json()).toMatchObject({ status: 400, code: 'validation_failed' })
    expect(name).toBe('Rent')
  })

  test('InvalidID, NoAuthorization', async () => {
    const user = encodeId('user', bank.alice)
    expect((await patch({ name: null }, bank.alice, user)).statusCode).toBe(400)
    const stranger = { method: 'PATCH', url: `/v1/accounts/${acct(account)}` } as const
    expect((await app.inject({ ...stranger, payload: { name: null } })).statusCode).toBe(401)
  })

  test('InternalError, and a database that is away', async () => {
    failure = new Error('secret')
    const response = await patch({ name: null })
    expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(response.body).not.toContain('secret')
    failure = new Fault('unavailable', 'no database')
    expect((await patch({ name: null })).statusCode).toBe(503)
  })
})
