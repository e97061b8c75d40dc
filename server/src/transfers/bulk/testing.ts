/** What the tests of the bulk route share: a server on the memory ledger, Alice with 1000, and Bob. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
} from '../../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../../http/testing.ts'
import type { Routes } from '../../http/route.ts'
import { present as given } from '../../kernel/assert.ts'
import type { Minor } from '../../kernel/money.ts'
import type { LedgerEngine } from '../../ledger/ledger.ts'
import { createPresence } from './presence.ts'
import { createBulkRoutes } from './routes.ts'

export type Item = Record<string, unknown>

export interface Call {
  /** `null`: none. */
  key?: string | null
  headers?: Record<string, string>
  /** With its question mark. */
  query?: string
  app?: App
}

type App = Awaited<ReturnType<typeof buildTestApp>>

/** Registers the hooks of a test file; everything is made anew before each test but the server. */
export function useBulkWorld() {
  /** The accounts of Alice and Bob. */
  const world = { bank: createRouteBank(), from: '', to: '' }
  const { ledger, rolesOf } = presentBank(() => world.bank)
  let app: App | undefined

  /** `onBody` is called when a body has come, just before it is read. */
  function build(target: LedgerEngine, onBody?: (reply: FastifyReply) => void): Promise<App> {
    const bulkRoutes = createBulkRoutes({
      ledger: target,
      currencies: testCurrencies,
      presence: createPresence(),
    })
    const routes: Routes = async (server, options) => {
      if (onBody) server.addHook('preHandler', async (_, reply) => onBody(reply))
      await bulkRoutes(server, options)
    }
    return buildTestApp({ routes: [routes], rolesOf })
  }

  async function arrange(balance: Minor = 1000): Promise<void> {
    world.bank = createRouteBank()
    world.from = acct(await world.bank.open(world.bank.alice, 'EUR', balance))
    world.to = acct(await world.bank.open(world.bank.bob))
  }

  beforeAll(async () => {
    app = await build(ledger)
  })
  beforeEach(() => arrange())
  afterAll(() => app?.close())

  const item = (change: Item = {}): Item => ({
    from_account_id: world.from,
    to_account_id: world.to,
    amount: 1,
    currency: 'EUR',
    ...change,
  })
  const items = (count: number, change: (index: number) => Item = () => ({})): Item[] =>
    Array.from({ length: count }, (_, index) => item(change(index)))

  function send(payload: unknown, call: Call = {}) {
    // A stream is sent without its length.
    const isRaw =
      typeof payload === 'string' || Buffer.isBuffer(payload) || payload instanceof Readable
    return given(call.app ?? app, 'the server').inject({
      method: 'POST',
      url: `/v1/transfers/bulk${call.query ?? ''}`,
      headers: {
        ...asUser(world.bank.alice),
        ...(call.key !== null && { 'idempotency-key': call.key ?? world.bank.newUuid() }),
        'content-type': 'application/json',
        ...call.headers,
      },
      payload: isRaw ? payload : JSON.stringify(payload),
    })
  }

  return {
    world,
    ledger,
    build,
    arrange,
    item,
    items,
    /** With enough words to make the body large, so that the worker reads it. */
    wordy: (count: number) => items(count, () => ({ description: 'x'.repeat(140) })),
    send,
    bulk: (transfers: readonly Item[], call?: Call) => send({ transfers }, call),
    atomic: (transfers: readonly Item[], call?: Call) => send({ atomic: true, transfers }, call),
    statuses: (response: Awaited<ReturnType<typeof send>>): string[] =>
      response.json().outcomes.map(({ status }: { status: string }) => status),
    /** What is on the account that pays. */
    balance: () =>
      world.bank.ledger.accounts().find(({ id }) => acct(id) === world.from)?.ledgerBalance,
    loggedErrors: () => given(app, 'the server').loggedErrors,
  }
}
