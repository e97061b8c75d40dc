import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  acct,
  createRouteBank,
  failingLedger,
  presentBank,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createAccountAdminRoutes } from './admin-routes.ts'
import type { Account } from './store.ts'

let bank: RouteBank
let account: Uuid
let ledger: LedgerEngine
let app: Awaited<ReturnType<typeof buildTestApp>>

async function find(id: Uuid): Promise<Account | undefined> {
  const state = await bank.ledger.account(id)
  if (!state || state.ownerId === null) return undefined
  const { ownerId, ledgerBalance, ...rest } = state
  const createdAt = new Date('2026-01-15T09:30:00.000Z')
  return { ...rest, ownerId, ledgerBalance: toMinor(ledgerBalance), name: 'Rent', createdAt }
}

const changeAccount: LedgerEngine['changeAccount'] = async (order) => ledger.changeAccount(order)

beforeAll(async () => {
  const { rolesOf } = presentBank(() => bank)
  const routes = [createAccountAdminRoutes({ ledger: { changeAccount }, accounts: { find } })]
  app = await buildTestApp({ routes, rolesOf })
})

beforeEach(async () => {
  bank = createRouteBank()
  ledger = bank.ledger
  account = await bank.open(bank.alice, 'EUR', 500)
})

const freeze = (id = account, userId = bank.admin) =>
  app.inject({ method: 'POST', url: `/v1/accounts/${acct(id)}/freeze`, headers: asUser(userId) })
const unfreeze = (id = account) =>
  app.inject({
    method: 'POST',
    url: `/v1/accounts/${acct(id)}/unfreeze`,
    headers: asUser(bank.admin),
  })
const limit = (overdraft_limit: unknown, id = account, userId = bank.admin) =>
  app.inject({
    method: 'PUT',
    url: `/v1/accounts/${acct(id)}/overdraft-limit`,
    headers: asUser(userId),
    payload: { overdraft_limit },
  })

const limits = (payload: object, id = account, userId = bank.admin) =>
  app.inject({
    method: 'PUT',
    url: `/v1/accounts/${acct(id)}/limits`,
    headers: asUser(userId),
    payload,
  })
const some = { per_transfer: 100, per_day: null }

describe('freezing', () => {
  test('OK: frozen, twice is once, and unfrozen again', async () => {
    const response = await freeze()
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({
      id: acct(account),
      owner_id: encodeId('user', bank.alice),
      name: 'Rent',
      currency: 'EUR',
      status: 'frozen',
      ledger_balance: 500,
      held: 0,
      available_balance: 500,
      overdraft_limit: 0,
      limits: { per_transfer: null, per_day: null },
      version: 1,
      created_at: '2026-01-15T09:30:00.000Z',
    })
    expect((await freeze()).json()).toEqual(response.json())
    expect((await unfreeze()).json()).toMatchObject({ status: 'open' })
  })

  test('a client that names a type for a body that it does not send is understood', async () => {
    const headers = { ...asUser(bank.admin), 'content-type': 'application/json' }
    const url = `/v1/accounts/${acct(account)}/freeze`
    expect((await app.inject({ method: 'POST', url, headers })).statusCode).toBe(200)
  })
})

describe('the overdraft limit', () => {
  test('OK: it is available at once', async () => {
    const response = await limit(250)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ overdraft_limit: 250, available_balance: 750 })
  })

  test('OverdraftInUse: less than what is overdrawn, with the least', async () => {
    await limit(250)
    bank.ledger.arrange(account, { overdraftLimit: 250 })
    const to = await bank.open(bank.bob)
    await bank.ledger.post({
      kind: 'transfer',
      principalId: bank.alice,
      authority: 'owner',
      idempotencyKey: { key: 'spend', index: 0 },
      requestId: 'arrange',
      debit: { accountId: account },
      credit: { accountId: to },
      amount: 600,
      currency: 'EUR',
      description: null,
      reference: null,
      metadata: null,
    })
    const response = await limit(99)
    expect(response.statusCode).toBe(422)
    expect(response.json()).toMatchObject({ code: 'overdraft_in_use', minimum: 100 })
    expect((await limit(100)).statusCode).toBe(200)
  })

  test('BalanceOutOfRange: what is available would be no exact integer', async () => {
    const response = await limit(Number.MAX_SAFE_INTEGER)
    expect(response.statusCode).toBe(422)
    expect(response.json()).toMatchObject({ code: 'balance_out_of_range' })
  })

  test.each([-1, 0.5, '100', null, Number.MAX_SAFE_INTEGER + 1, true])(
    'InvalidLimit: %s',
    async (value) => {
      expect((await limit(value)).statusCode).toBe(400)
    },
  )
})

describe('the limits', () => {
  test('OK: both are set, shown and in force at once, and taken away with null', async () => {
    const response = await limits({ per_transfer: 100, per_day: 150 })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ limits: { per_transfer: 100, per_day: 150 } })
    const to = await bank.open(bank.bob)
    const pay = async (amount: number) =>
      bank.ledger.post({
        kind: 'transfer',
        principalId: bank.alice,
        authority: 'owner',
        idempotencyKey: { key: bank.newUuid(), index: 0 },
        requestId: 'arrange',
        debit: { accountId: account },
        credit: { accountId: to },
        amount,
        currency: 'EUR',
        description: null,
        reference: null,
        metadata: null,
      })
    expect(await pay(101)).toMatchObject({ refusal: { code: 'limit_exceeded', limit: 100 } })
    expect(await pay(100)).toMatchObject({ kind: 'posted' })
    expect(await pay(51)).toMatchObject({
      refusal: { code: 'daily_limit_exceeded', limit: 150, available: 50, requested: 51 },
    })
    const none = { per_transfer: null, per_day: null }
    expect((await limits(none)).json()).toMatchObject({ limits: none })
    expect(await pay(400)).toMatchObject({ kind: 'posted' })
  })

  test.each([
    {},
    { per_transfer: 1 },
    { per_day: 1 },
    { per_transfer: -1, per_day: null },
    { per_transfer: null, per_day: 0.5 },
    { per_transfer: '1', per_day: null },
    { per_transfer: null, per_day: Number.MAX_SAFE_INTEGER + 1 },
    { per_transfer: null, per_day: null, per_week: 1 },
  ])('InvalidLimits: %j', async (body) => {
    expect((await limits(body)).statusCode).toBe(400)
  })
})

describe('all of them', () => {
  test('NotFound: no account, and accounts of the bank', async () => {
    const { account: cash } = await bank.ledger.openBankAccount('cash', 'EUR')
    for (const id of [bank.newUuid(), cash.accountId]) {
      for (const response of [
        await freeze(id),
        await unfreeze(id),
        await limit(1, id),
        await limits(some, id),
      ]) {
        expect(response.statusCode).toBe(404)
        expect(response.json()).toMatchObject({ code: 'account_not_found' })
      }
    }
  })

  test('OwnAccount: an admin changes no account of their own', async () => {
    const own = await bank.open(bank.admin)
    for (const response of [
      await freeze(own),
      await unfreeze(own),
      await limit(1, own),
      await limits(some, own),
    ]) {
      expect(response.statusCode).toBe(403)
      expect(response.json()).toMatchObject({ code: 'own_account' })
    }
  })

  test('AccountClosed', async () => {
    bank.ledger.arrange(account, { status: 'closed' })
    for (const response of [await freeze(), await unfreeze(), await limit(1), await limits(some)]) {
      expect(response.statusCode).toBe(422)
      expect(response.json()).toMatchObject({ code: 'account_closed' })
    }
  })

  test('NoAdmin: neither the owner nor other staff', async () => {
    for (const userId of [bank.alice, bank.teller, bank.auditor]) {
      const [first, second] = [await freeze(account, userId), await limit(1, account, userId)]
      for (const response of [first, second, await limits(some, account, userId)]) {
        expect(response.statusCode).toBe(403)
        expect(response.json()).toMatchObject({ code: 'role_required', roles: ['admin'] })
      }
    }
  })

  test('NoAuthorization and InvalidID', async () => {
    const url = `/v1/accounts/${acct(account)}/freeze`
    expect((await app.inject({ method: 'POST', url })).statusCode).toBe(401)
    const wrong = { method: 'POST', url: '/v1/accounts/1/freeze', headers: asUser(bank.admin) }
    expect((await app.inject({ ...wrong, method: 'POST' })).statusCode).toBe(400)
  })

  test.each([
    ['Unavailable', 503, new Fault('unavailable', 'gone')],
    ['ShuttingDown', 503, new Fault('shutting_down', 'stopping')],
    ['OutcomeUnknown', 503, new Fault('outcome_unknown', 'lost')],
    ['InternalError', 500, new Error('a bug')],
  ])('%s', async (_, status, error) => {
    ledger = failingLedger(bank.ledger, error)
    for (const response of [await freeze(), await unfreeze(), await limit(1), await limits(some)]) {
      expect(response.statusCode).toBe(status)
    }
  })
})
