/** Transfers through the ledger itself, a few at a time, until it is stopped. */
import { setImmediate as turn } from 'node:timers/promises'
import { present } from '../../../server/src/kernel/assert.ts'
import { createWorld, type Customer } from '../../../server/src/ledger/conformance/world.ts'
import { createPostgresLedger } from '../../../server/src/ledger/postgres/postgres-ledger.ts'

export interface LedgerLoad {
  /** Resolves when that many more are posted. */
  posted(count: number): Promise<void>
  stop(): Promise<void>
}

const customerCount = 20
const inFlight = 6

/** On a migrated database without accounts. */
export async function postUntil(url: string): Promise<LedgerLoad> {
  const ledger = createPostgresLedger({
    url,
    namedStatements: true,
    transferAmountMax: 1_000_000,
  })
  const world = createWorld({
    ledger,
    arrange: () => Promise.resolve(),
    transfers: () => Promise.resolve([]),
    staffEvents: () => Promise.resolve([]),
    bankAccounts: () => Promise.resolve({ accounts: 0, codes: 0 }),
    makeOverdue: () => Promise.resolve(),
    hold: () => Promise.resolve(undefined),
    defects: [],
    audit: () => Promise.resolve(),
    close: () => ledger.stop(),
  })
  const customers: Customer[] = []
  for (let count = 0; count < customerCount; count += 1) {
    customers.push(await world.customer(100_000))
  }
  let count = 0
  const waiting = new Set<() => void>()
  const stopping = new AbortController()

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const orders = Array.from({ length: inFlight }, (_, index) => {
        const from = present(customers[(count + index) % customerCount], 'a payer')
        const to = present(customers[(count + index + 1 + (count % 7)) % customerCount], 'a payee')
        return world.transfer(from, to, 1)
      })
      const posted = await Promise.all(orders.map((order) => ledger.post(order)))
      count += posted.filter(({ kind }) => kind === 'posted').length
      for (const check of waiting) check()
      await turn()
    }
  }

  const running = run()
  return {
    posted(wanted) {
      const end = count + wanted
      return new Promise((resolve) => {
        const check = () => {
          if (count < end) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
      })
    },
    async stop() {
      stopping.abort()
      await running
      await ledger.stop()
    },
  }
}
