/** What the tests of the hold routes share: a server on the memory ledger, Alice with 1000, and Bob. */
import { beforeAll, beforeEach, expect } from 'vitest'
import { holdStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createHoldRoutes } from './routes.ts'
import type { HoldStore } from './store.ts'

type App = Awaited<ReturnType<typeof buildTestApp>>

export interface Call {
  user?: Uuid
  key?: string
  headers?: Record<string, string>
  target?: App
}

/** Where the clock stands, or starts. */
export const start = new Date('2026-01-15T09:30:00.000Z')

/** Registers the hooks of a test file; everything is made anew before each test but the server. */
export function useHoldWorld(clock: Clock = { now: () => start }) {
  let app: App
  let bank: RouteBank
  let from: Uuid
  let to: Uuid
  const present = presentBank(() => bank)
  const holds = holdStoreOver(() => bank.ledger, clock)

  async function build(ledger: LedgerEngine, store: Pick<HoldStore, 'find'> = holds) {
    const routes = [createHoldRoutes({ ledger, holds: store, currencies: testCurrencies })]
    return buildTestApp({ routes, rolesOf: present.rolesOf })
  }

  beforeAll(async () => {
    app = await build(present.ledger)
  })
  beforeEach(async () => {
    bank = createRouteBank({ clock })
    from = await bank.open(bank.alice, 'EUR', 1000)
    to = await bank.open(bank.bob)
  })

  async function send(path: string, payload: object | undefined, call: Call = {}) {
    const { user = bank.alice, key = bank.newUuid(), headers = {}, target = app } = call
    return target.inject({
      method: 'POST',
      url: path,
      headers: { ...asUser(user), 'idempotency-key': key, ...headers },
      ...(payload && { payload }),
    })
  }

  const order = () => ({
    from_account_id: acct(from),
    to_account_id: acct(to),
    amount: 100,
    currency: 'EUR',
  })
  const place = (change: Record<string, unknown> = {}, call?: Call) =>
    send('/v1/holds', { ...order(), ...change }, call)
  const capture = (id: string, body?: object, call?: Call) =>
    send(`/v1/holds/${id}/capture`, body, call)
  const release = (id: string, call?: Call) => send(`/v1/holds/${id}/release`, undefined, call)

  /** The id of a hold of Alice's. */
  async function placed(change: Record<string, unknown> = {}): Promise<string> {
    const response = await place(change)
    expect(response.statusCode).toBe(201)
    return response.json().id
  }

  async function money(accountId: Uuid) {
    const account = await bank.ledger.account(accountId)
    return { balance: Number(account?.ledgerBalance), held: account?.held }
  }

  return {
    clock,
    /** What the present test has: Alice has 1000 in `from`, Bob nothing in `to`. */
    world: () => ({ app, bank, from, to }),
    build,
    send,
    order,
    place,
    capture,
    release,
    placed,
    money,
  }
}
