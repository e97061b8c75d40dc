/**
 * Expires holds that nobody asks for any more: finds the accounts that have overdue ones and has the
 * ledger expire them, through the same queue as all else. No batch waits for this: each expires what
 * is overdue on the accounts that it locks, so that money is never held longer than was said where
 * somebody wants to spend it. What is left for this is to tell those who only look.
 *
 * Any number of servers may do it at once: what one of them has expired, the others no longer find,
 * and what two of them found, the batch that comes second finds expired.
 *
 * Bounds: a look is one statement on a partial index, which locks nothing; a page of holds at a time,
 * and so many pages in a turn.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import { toSafeInteger } from '../../database/convert.ts'
import type { Database } from '../../database/database.ts'
import { statement, type RowOf } from '../../database/statement.ts'
import { assert } from '../../kernel/assert.ts'
import type { LedgerEngine } from '../engine.ts'

/**
 * The accounts with the holds that have been overdue for longest, as many holds as the parameter
 * says; how many of them each has, and for how long. Index: hold_expiry, from its start. Locks nothing.
 * The time is a subselect, since an index is of no use to a function that may differ from row to row.
 */
export const overdueHolds = statement({
  name: 'ledger_overdue_holds',
  text: `
    select debit_account_id as account_id, count(*) as hold_count,
      extract(epoch from (select bank_now()) - min(expires_at)) as overdue_seconds
    from (
      select debit_account_id, expires_at from hold
      where state = 'active' and expires_at <= (select bank_now())
      order by expires_at limit $1::integer
    ) as overdue
    group by debit_account_id`,
  parameters: ['integer'],
  columns: { account_id: 'uuid', hold_count: 'bigint', overdue_seconds: 'numeric' },
})

export interface HoldExpiry {
  /** Expires what is overdue now, up to the bounds. Resolves with how many holds that were. */
  run(): Promise<number>
  /** Runs again and again until `stop`. */
  start(): void
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}

export interface HoldExpiryOptions {
  database: Database
  ledger: Pick<LedgerEngine, 'expireHolds'>
  /** How long to wait after a turn. */
  intervalMilliseconds: number
  /** The most holds in one page; 250 when not given, so that the queue has room for others. */
  pageSize?: number
  /** Told at the start of each turn for how long the first overdue hold has been; 0 without any. */
  onLook: (overdueSeconds: number) => void
  /** Told how many were expired. */
  onExpired: (holdCount: number) => void
  /** Told of each failure; it goes on after the next interval. */
  onError: (error: unknown) => void
}

const pagesPerTurnMax = 100

export function createHoldExpiry(options: HoldExpiryOptions): HoldExpiry {
  const { database, ledger, intervalMilliseconds, pageSize = 250 } = options
  const { onLook, onExpired, onError } = options
  assert(intervalMilliseconds > 0 && pageSize > 0, 'the bounds of the expiry are positive')
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  /** Resolves with how many holds it was, up to a page. */
  async function expirePage(isFirst: boolean): Promise<number> {
    const { rows } = await database.kysely.executeQuery<RowOf<typeof overdueHolds>>(
      CompiledQuery.raw(overdueHolds.text, [pageSize]),
    )
    const seconds = rows.map(({ overdue_seconds }) => Number(overdue_seconds))
    if (isFirst) onLook(Math.max(0, ...seconds))
    if (rows.length === 0) return 0
    await ledger.expireHolds(rows.map(({ account_id }) => account_id))
    const holdCount = rows.reduce((sum, { hold_count }) => sum + toSafeInteger(hold_count), 0)
    onExpired(holdCount)
    return holdCount
  }

  async function run(signal?: AbortSignal): Promise<number> {
    let sum = 0
    for (let page = 1; page <= pagesPerTurnMax; page += 1) {
      const holdCount = await expirePage(page === 1)
      sum += holdCount
      if (holdCount < pageSize || signal?.aborted) break
    }
    return sum
  }

  async function runUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      try {
        await run(signal)
      } catch (error) {
        onError(error)
      }
      // The timer alone is no reason for the process to live on; an abort ends it early.
      await delay(intervalMilliseconds, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    run: () => run(),
    start() {
      if (work !== undefined) return
      const stopping = new AbortController()
      work = { stopping, done: runUntil(stopping) }
    },
    async stop() {
      work?.stopping.abort()
      await work?.done
      work = undefined
    },
  }
}
