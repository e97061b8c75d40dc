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

/** What a turn found. */
export interface HoldExpiryTurn {
  /** Overdue holds, which the ledger has expired since. */
  holdCount: number
  /** For how long the first of them had been overdue. */
  overdueSeconds: number
}

export interface HoldExpiry {
  /** Expires what is overdue now, up to the bounds. */
  run(): Promise<HoldExpiryTurn>
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
  /** Told after each turn that did not fail. */
  onTurn: (turn: HoldExpiryTurn) => void
  /** Told of each failure; it goes on after the next interval. */
  onError: (error: unknown) => void
}

const pagesPerTurnMax = 100

export function createHoldExpiry(options: HoldExpiryOptions): HoldExpiry {
  const { database, ledger, intervalMilliseconds, pageSize = 250, onTurn, onError } = options
  assert(intervalMilliseconds > 0 && pageSize > 0, 'the bounds of the expiry are positive')
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  async function expirePage(): Promise<HoldExpiryTurn> {
    const { rows } = await database.kysely.executeQuery<RowOf<typeof overdueHolds>>(
      CompiledQuery.raw(overdueHolds.text, [pageSize]),
    )
    if (rows.length > 0) await ledger.expireHolds(rows.map(({ account_id }) => account_id))
    return {
      holdCount: rows.reduce((sum, { hold_count }) => sum + toSafeInteger(hold_count), 0),
      overdueSeconds: Math.max(0, ...rows.map(({ overdue_seconds }) => Number(overdue_seconds))),
    }
  }

  async function run(signal?: AbortSignal): Promise<HoldExpiryTurn> {
    const turn = await expirePage()
    let lastCount = turn.holdCount
    for (let page = 2; page <= pagesPerTurnMax; page += 1) {
      if (lastCount < pageSize || signal?.aborted) break
      lastCount = (await expirePage()).holdCount
      turn.holdCount += lastCount
    }
    onTurn(turn)
    return turn
  }

  async function runUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await run(signal).catch(onError)
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
