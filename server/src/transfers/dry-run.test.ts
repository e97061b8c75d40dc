import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { holdStoreOver, transferStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { createDepositRoutes } from '../deposits/routes.ts'
import { createHoldRoutes } from '../holds/routes.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import type { Uuid } from '../kernel/ids.ts'
import { createPresence } from './bulk/presence.ts'
import { createBulkRoutes } from './bulk/routes.ts'
import { createReversalRoutes } from './reversal-routes.ts'
import { createTransferRoutes } from './routes.ts'

const clock = { now: () => new Date('2026-01-15T09:30:00.000Z') }
let bank: RouteBank
/** Alice's, with 800 that she can spend and 100 held, and Bob's, with 100. */
let from: string
let to: string
/** Of Alice for Bob, 100. */
let hold: string
/** From Alice to Bob, 100. */
let paid: string

const { ledger, rolesOf } = presentBank(() => bank)
const transfers = transferStoreOver(() => bank.ledger)
const currencies = testCurrencies
let app: Awaited<ReturnType<typeof buildTestApp>>

beforeAll(async () => {
  const holds = holdStoreOver(() => bank.ledger, clock)
  const routes = [
    createTransferRoutes({ ledger, transfers, currencies }),
    createReversalRoutes({ ledger, transfers }),
    createHoldRoutes({ ledger, holds, currencies }),
    createDepositRoutes({ ledger, currencies }),
    createBulkRoutes({ ledger, currencies, presence: createPresence() }),
  ]
  app = await buildTestApp({ routes, rolesOf })
})

beforeEach(async () => {
  bank = createRouteBank({ clock })
  from = acct(await bank.open(bank.alice, 'EUR', 1000))
  to = acct(await bank.open(bank.bob))
  hold = (await send('/v1/holds', bank.alice, move(100))).json().id
  paid = (await send('/v1/transfers', bank.alice, move(100))).json().id
})

const move = (amount: number) => ({
  from_account_id: from,
  to_account_id: to,
  amount,
  currency: 'EUR',
})

function send(path: string, user: Uuid, payload?: object, key: string = bank.newUuid()) {
  return app.inject({
    method: 'POST',
    url: path,
    headers: { ...asUser(user), 'idempotency-key': key },
    ...(payload && { payload }),
  })
}

/** All that there is. */
const books = () => ({
  accounts: bank.ledger.accounts(),
  bankAccounts: bank.ledger.bankAccounts(),
  transfers: bank.ledger.transfers(),
  holds: bank.ledger.holds(),
  events: bank.ledger.staffEvents(),
})

interface Order {
  path: string
  user: Uuid
  good: object | undefined
  /** What is refused of it, where anything can be. */
  bad: { path: string; body: object | undefined }
  status: number
  preview: object
  /** The member that names an account which only the real request opens. */
  opens?: string
}

const balances = (ledgerBalance: number, held: number) => ({
  ledger_balance: ledgerBalance,
  held,
  available_balance: ledgerBalance - held,
})
const limits = { transfer: Number.MAX_SAFE_INTEGER, daily_remaining: null }
const counter = (amount: number, account = to) => ({ account_id: account, amount, currency: 'EUR' })

const orders: Record<string, () => Order> = {
  transfer: () => ({
    path: '/v1/transfers',
    user: bank.alice,
    good: move(300),
    bad: { path: '/v1/transfers', body: move(801) },
    status: 201,
    preview: { from_account: balances(600, 100), limits },
  }),
  deposit: () => ({
    path: '/v1/deposits',
    user: bank.teller,
    good: counter(50),
    bad: { path: '/v1/deposits', body: counter(50, acct(bank.newUuid())) },
    status: 201,
    preview: { to_account: balances(150, 0), limits },
  }),
  'deposit through a bank account that is not there yet': () => ({
    path: '/v1/deposits',
    user: bank.teller,
    good: { ...counter(50), via: 'settlement:new' },
    opens: 'from_account_id',
    bad: {
      path: '/v1/deposits',
      body: { ...counter(50, acct(bank.newUuid())), via: 'settlement:new' },
    },
    status: 201,
    preview: { to_account: balances(150, 0), limits },
  }),
  withdrawal: () => ({
    path: '/v1/withdrawals',
    user: bank.teller,
    good: counter(100),
    bad: { path: '/v1/withdrawals', body: counter(101) },
    status: 201,
    preview: { from_account: balances(0, 0), limits },
  }),
  hold: () => ({
    path: '/v1/holds',
    user: bank.alice,
    good: move(800),
    bad: { path: '/v1/holds', body: move(801) },
    status: 201,
    preview: { from_account: balances(900, 900), limits },
  }),
  capture: () => ({
    path: `/v1/holds/${hold}/capture`,
    user: bank.alice,
    good: { amount: 40 },
    bad: { path: `/v1/holds/${hold}/capture`, body: { amount: 101 } },
    status: 201,
    preview: { from_account: balances(860, 0), limits },
  }),
  release: () => ({
    path: `/v1/holds/${hold}/release`,
    user: bank.alice,
    good: undefined,
    bad: { path: `/v1/holds/${hold.slice(0, -1)}0/release`, body: undefined },
    status: 200,
    preview: { from_account: balances(900, 0), limits },
  }),
  reversal: () => ({
    path: `/v1/transfers/${paid}/reversals`,
    user: bank.bob,
    good: { amount: 60 },
    bad: { path: `/v1/transfers/${paid}/reversals`, body: { amount: 101 } },
    status: 201,
    preview: { from_account: balances(40, 0), limits },
  }),
  "teller's reversal": () => ({
    path: `/v1/transfers/${paid}/reversals`,
    user: bank.teller,
    good: { amount: 60 },
    bad: { path: `/v1/transfers/${paid}/reversals`, body: { amount: 101 } },
    status: 201,
    preview: { from_account: balances(40, 0), to_account: balances(960, 100), limits },
  }),
}

describe.each(Object.keys(orders))('a dry run of a %s', (name) => {
  const order = () => {
    const make = orders[name]
    if (!make) throw new Error(name)
    return make()
  }

  test('answers as the real request would, shows what would be, and leaves nothing', async () => {
    const { path, user, good, status, preview, opens } = order()
    const before = books()
    const dry = await send(`${path}?dry_run=true`, user, good, 'the-key')
    expect(dry.statusCode).toBe(200)
    expect(books()).toEqual(before)
    const real = await send(path, user, good, 'the-key')
    expect(real.statusCode).toBe(status)
    expect(real.headers['idempotency-replayed']).toBeUndefined()
    const { dry_run, preview: shown, ...body } = dry.json()
    expect({ dry_run, preview: shown }).toEqual({ dry_run: true, preview })
    expect(Object.keys(body)).toEqual(Object.keys(real.json()))
    expect(body).toMatchObject(withoutIds(real.json(), opens))
  })

  test('is refused as the real request would be, and leaves the key unused', async () => {
    const { path, user, good, bad, status } = order()
    const before = books()
    const dry = await send(`${bad.path}?dry_run=true`, user, bad.body, 'the-key')
    expect(books()).toEqual(before)
    const real = await send(bad.path, user, bad.body, 'another-key')
    expect(dry.statusCode).toBe(real.statusCode)
    expect(dry.statusCode).toBeGreaterThanOrEqual(400)
    expect({ ...dry.json(), request_id: '' }).toEqual({ ...real.json(), request_id: '' })
    expect((await send(path, user, good, 'the-key')).statusCode).toBe(status)
  })

  test('gives the outcome of a key that has one', async () => {
    const { path, user, good } = order()
    const real = await send(path, user, good, 'the-key')
    const before = books()
    const dry = await send(`${path}?dry_run=true`, user, good, 'the-key')
    expect(dry.statusCode).toBe(200)
    expect(dry.headers['idempotency-replayed']).toBe('true')
    expect(dry.json()).toMatchObject(real.json())
    expect(books()).toEqual(before)
  })

  test('needs a key, and says true or false', async () => {
    const { path, user, good } = order()
    const before = books()
    const wrong = await send(`${path}?dry_run=yes`, user, good)
    expect(wrong.statusCode).toBe(400)
    expect(wrong.json()).toMatchObject({ errors: [{ pointer: 'dry_run', code: 'type' }] })
    const unknown = await send(`${path}?dryrun=true`, user, good)
    expect(unknown.statusCode).toBe(400)
    const keyless = await app.inject({
      method: 'POST',
      url: `${path}?dry_run=true`,
      headers: asUser(user),
      ...(good && { payload: good }),
    })
    expect(keyless.json()).toMatchObject({ code: 'idempotency_key_missing' })
    expect(books()).toEqual(before)
  })
})

/** What does not differ between a dry run and the real request. */
function withoutIds(body: Record<string, unknown>, opens?: string): object {
  const { id: _, from_entry: __, to_entry: ___, ...rest } = body
  if (opens !== undefined) delete rest[opens]
  return rest
}

const atomic = (...amounts: number[]) => ({ atomic: true, transfers: amounts.map(move) })

describe('a dry run of a bulk', () => {
  const path = '/v1/transfers/bulk'

  test('judges each transfer alone and leaves nothing', async () => {
    const before = books()
    const payload = { transfers: [move(800), move(800), move(801)] }
    const response = await send(`${path}?dry_run=true`, bank.alice, payload, 'the-key')
    expect(response.statusCode).toBe(200)
    const preview = { from_account: balances(100, 100), limits }
    expect(response.json()).toMatchObject({
      dry_run: true,
      outcomes: [
        { index: 0, status: 'posted', transfer: { amount: 800 }, preview },
        { index: 1, status: 'posted', preview },
        { index: 2, status: 'refused', problem: { code: 'insufficient_funds', available: 800 } },
      ],
    })
    expect(books()).toEqual(before)
    const real = await send(path, bank.alice, payload, 'the-key')
    expect(real.json().outcomes).toMatchObject([
      { status: 'posted' },
      { status: 'refused' },
      { status: 'refused' },
    ])
    expect(real.json()).not.toHaveProperty('dry_run')
  })

  test('that is atomic judges all of them together', async () => {
    const before = books()
    const good = await send(`${path}?dry_run=true`, bank.alice, atomic(300, 500), 'the-key')
    expect(good.json().outcomes).toMatchObject(
      [300, 500].map((amount) => ({
        status: 'posted',
        transfer: { amount },
        preview: { from_account: balances(100, 100) },
      })),
    )
    const bad = await send(`${path}?dry_run=true`, bank.alice, atomic(300, 501), 'the-key')
    expect(bad.statusCode).toBe(422)
    expect(bad.json()).toMatchObject({ code: 'group_failed', index: 1, available: 500 })
    expect(books()).toEqual(before)
    const real = await send(path, bank.alice, atomic(300, 500), 'the-key')
    expect(real.statusCode).toBe(200)
    expect(real.headers['idempotency-replayed']).toBeUndefined()
  })
})
