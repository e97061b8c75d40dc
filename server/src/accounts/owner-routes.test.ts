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
import type { LedgerEngine } from '../ledger/ledger.ts'
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

const changeAccount: LedgerEngine['changeAccount'] = async (order) => {
  if (failure) throw failure
  return bank.ledger.changeAccount(order)
}

async function rename(accountId: Uuid, ownerId: Uuid, wanted: string | null): Promise<boolean> {
  if (failure) throw failure
  if ((await bank.ledger.account(accountId))?.ownerId !== ownerId) return false
  name = wanted
  return true
}

beforeAll(async () => {
  const { rolesOf } = presentBank(() => bank)
  const dependencies = { ledger: { changeAccount }, names: { rename }, accounts: { find } }
  const routes = [createAccountOwnerRoutes(dependencies)]
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

const close = (id: Uuid, userId = bank.alice) =>
  app.inject({
    method: 'POST',
    url: `/v1/accounts/${acct(id)}/close`,
    headers: { ...asUser(userId), 'request-id': 'same' },
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

describe('POST /v1/accounts/{id}/close', () => {
  let empty: Uuid

  beforeEach(async () => {
    empty = await bank.open(bank.alice)
  })

  test('OK: the owner closes an account with nothing on it, and twice is once', async () => {
    const response = await close(empty)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ id: acct(empty), status: 'closed', name: 'Rent' })
    expect((await close(empty)).json()).toEqual(response.json())
  })

  test('OK: an admin closes it too, also when it is frozen', async () => {
    bank.ledger.arrange(empty, { status: 'frozen' })
    expect((await close(empty, bank.admin)).json()).toMatchObject({ status: 'closed' })
  })

  test('AccountFrozen: the owner does not close what the bank has frozen', async () => {
    bank.ledger.arrange(empty, { status: 'frozen' })
    expect((await close(empty)).json()).toMatchObject({ status: 422, code: 'account_frozen' })
    expect(await bank.ledger.account(empty)).toMatchObject({ status: 'frozen' })
  })

  test('AccountNotEmpty, with what is on it', async () => {
    for (const user of [bank.alice, bank.admin]) {
      const refused = { status: 409, code: 'account_not_empty', ledger_balance: 500 }
      expect((await close(account, user)).json()).toMatchObject(refused)
    }
  })

  test('AccountHasHolds, with what is held', async () => {
    bank.ledger.arrange(empty, { overdraftLimit: 30 })
    const placed = await bank.ledger.hold({
      kind: 'hold',
      principalId: bank.alice,
      authority: 'owner',
      idempotencyKey: { key: 'hold', index: 0 },
      requestId: 'arrange',
      debit: { accountId: empty },
      credit: { accountId: account },
      amount: 30,
      currency: 'EUR',
      expiresInSeconds: 60,
    })
    expect(placed).toMatchObject({ kind: 'held' })
    const refused = { status: 409, code: 'account_has_holds', held: 30 }
    expect((await close(empty)).json()).toMatchObject(refused)
  })

  test('NotFound: for other customers it is as one that there is not', async () => {
    const absent = await close(bank.newUuid())
    expect(absent.json()).toMatchObject({ status: 404, code: 'account_not_found' })
    expect((await close(empty, bank.bob)).body).toBe(absent.body)
    expect((await close(bank.newUuid(), bank.admin)).body).toBe(absent.body)
  })

  test('RoleRequired: staff who may look at it do not close it, but for admins', async () => {
    for (const user of [bank.teller, bank.auditor]) {
      expect((await close(empty, user)).json()).toMatchObject({
        status: 403,
        code: 'role_required',
        roles: ['admin'],
      })
    }
  })

  test.each([
    ['Unavailable', 503, new Fault('unavailable', 'gone')],
    ['Overloaded', 503, new Fault('overloaded', 'too many overdue holds')],
    ['OutcomeUnknown', 503, new Fault('outcome_unknown', 'lost')],
    ['InternalError', 500, new Error('a bug')],
  ])('%s', async (_, status, error) => {
    failure = error
    expect((await close(empty)).statusCode).toBe(status)
  })
})
