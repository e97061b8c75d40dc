/** What tests of creating a transfer share: a server on the memory ledger, Alice with 1000, and Bob. */
import { beforeAll, beforeEach, expect } from 'vitest'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createTransferRoutes } from './routes.ts'
import type { TransferStore } from './store.ts'

const unusedStore: TransferStore = {
  find: async () => expect.unreachable(),
  listByAccount: async () => expect.unreachable(),
  listByReference: async () => expect.unreachable(),
  listReversals: async () => expect.unreachable(),
  reversedAmount: async () => expect.unreachable(),
  listAll: async () => expect.unreachable(),
}

interface Call {
  user?: string
  key?: string
  headers?: Record<string, string>
  ledger?: LedgerEngine
}

/** Registers the hooks of a test file; everything is made anew before each test but the server. */
export function useTransferWorld() {
  let app: Awaited<ReturnType<typeof build>>
  let bank: RouteBank
  let from: string
  let to: string
  let fromUuid: string
  const present = presentBank(() => bank)

  async function build(ledger: LedgerEngine) {
    return buildTestApp({
      routes: [
        createTransferRoutes({ ledger, transfers: unusedStore, currencies: testCurrencies }),
      ],
      rolesOf: present.rolesOf,
    })
  }

  beforeAll(async () => {
    app = await build(present.ledger)
  })
  beforeEach(async () => {
    bank = createRouteBank()
    fromUuid = await bank.open(bank.alice, 'EUR', 1000)
    from = acct(fromUuid)
    to = acct(await bank.open(bank.bob))
  })

  async function transfer(change: Record<string, unknown> = {}, call: Call = {}) {
    const target = call.ledger ? await build(call.ledger) : app
    return target.inject({
      method: 'POST',
      url: '/v1/transfers',
      headers: {
        ...asUser(call.user ?? bank.alice),
        'idempotency-key': call.key ?? bank.newUuid(),
        ...call.headers,
      },
      payload: {
        from_account_id: from,
        to_account_id: to,
        amount: 100,
        currency: 'EUR',
        ...change,
      },
    })
  }

  return {
    transfer,
    /** What the present test has: Alice has 1000 in `from`, Bob nothing in `to`. */
    world: () => ({ app, bank, from, to, fromUuid }),
  }
}
