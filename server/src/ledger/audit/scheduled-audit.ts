/**
 * The scheduled audit: every interval it audits the batches that were sealed since the last time, so
 * that damage is known within a minute and at a small part of the cost of the whole audit.
 *
 * Invariants: every position is audited once, whichever servers run and stop, since how far the
 * audit has come is a row that is locked and advanced in the tx of the chunk; a chunk with findings
 * is counted there and passed, so that one broken row does not hide the next. Findings stay until a
 * whole audit (`tallystick audit`) is silent.
 *
 * Bounds: one chunk at a time in the whole bank, in a tx of its own whose statements each see a
 * snapshot of their own; 2,000 transfers a chunk and 5,000 entries of the accounts they touched
 * (0.08 s on 2 cores with 10,000 accounts, 2026-11-23), then a pause of twice that while the server
 * is idle and 19 times while it is busy. So it takes a twentieth of one core where others need it,
 * keeps up with 3,000 transfers a second on such a machine, and catches up with what is left of a
 * rush, or with a long history at the first start after an upgrade, once there is time. No batch of
 * the ledger ever waits for it, and while a chunk runs it has a core less.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { CompiledQuery, type Transaction } from 'kysely'
import { Client } from 'pg'
import { toSafeInteger } from '../../database/convert.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import { queryOf, statement, type RowOf, type Statement } from '../../database/statement.ts'
import { assert, present } from '../../kernel/assert.ts'
import type { AuditPass } from './check.ts'
import { collectFindings, type AuditFinding } from './finding.ts'
import {
  chunkAfter,
  recentChecks,
  recentEntries,
  recentLinks,
  recentBatches,
  touchedAccounts,
} from './recent-checks.ts'

const transfersPerChunk = 2000
const entriesPerChunk = 5000

/** Locks the one row of `audit_progress`; no row while another server audits. */
export const lockProgress = statement({
  name: 'audit_lock_progress',
  text: `select position from audit_progress for no key update skip locked`,
  parameters: [],
  columns: { position: 'bigint' },
})

/** Writes what a chunk came to; the row is locked already. */
export const advanceProgress = statement({
  name: 'audit_advance_progress',
  text: `
    update audit_progress set position = $1::bigint,
      completed_at = case when $2::boolean then bank_now() else completed_at end,
      finding_count = finding_count + $3::bigint,
      found_at = case when $3::bigint > 0 then bank_now() else found_at end`,
  parameters: ['bigint', 'boolean', 'bigint'],
  columns: {},
})

/** The verdict as every server sees it, and how many batches are sealed and not audited yet. */
export const readProgress = statement({
  name: 'audit_read_progress',
  text: `
    select p.completed_at, p.finding_count,
      (select coalesce(max(position), 0) from batch) - p.position as batches_behind
    from audit_progress as p`,
  parameters: [],
  columns: {
    completed_at: 'timestamp with time zone?',
    finding_count: 'bigint',
    batches_behind: 'bigint',
  },
})

/** Forgets the findings from before a whole audit that was silent. Locks the row. */
export const settleProgress = statement({
  name: 'audit_settle_progress',
  text: `
    update audit_progress set finding_count = 0, found_at = null
    where found_at < $1::timestamptz`,
  parameters: ['timestamp with time zone'],
  columns: {},
})

export interface AuditState {
  /** When the audit last reached the end of what was sealed. */
  completedAt: Date | undefined
  /** Rows that break a guarantee, found since the last whole audit that was silent. */
  findingCount: number
  batchesBehind: number
}

export interface ScheduledAuditOptions {
  database: Database
  intervalMilliseconds: number
  /** Told of what is broken, once, on the server that found it and after it was counted. */
  onFindings: (findings: readonly AuditFinding[]) => void
  /** Told after each turn, on every server, whichever of them did the work. */
  onState: (state: AuditState) => void
  /** Told of each failure; the audit goes on after the next interval. */
  onError: (error: unknown) => void
}

export interface ScheduledAudit {
  /** Audits what is sealed by now, unless another server does, and resolves with the state after. */
  run(): Promise<AuditState>
  start(): void
  /** Resolves when nothing of it runs any more; what is left is left to the next server. */
  stop(): Promise<void>
}

export function createScheduledAudit(options: ScheduledAuditOptions): ScheduledAudit {
  const { database, intervalMilliseconds, onFindings, onState, onError } = options
  assert(intervalMilliseconds > 0, 'the interval of the audit is positive')
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  async function runTurn(signal?: AbortSignal): Promise<AuditState> {
    let load = performance.eventLoopUtilization()
    for (;;) {
      const started = performance.now()
      const chunk = await database.transaction(auditChunk)
      if (chunk.findings.length > 0) onFindings(chunk.findings)
      if (chunk.isLast || signal?.aborted === true) break
      const { utilization } = performance.eventLoopUtilization(load)
      load = performance.eventLoopUtilization()
      await pause(pauseAfter(performance.now() - started, utilization), signal)
    }
    const state = await database.transaction(readState)
    onState(state)
    return state
  }

  async function runUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await runTurn(signal).catch(onError)
      await pause(intervalMilliseconds, signal)
    }
  }

  return {
    run: () => runTurn(),
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

/**
 * How long the audit leaves the database alone after a chunk that took so many milliseconds, while the
 * event loop of the server was busy for that share of the time, 0 to 1.
 */
export function pauseAfter(milliseconds: number, utilization: number): number {
  return milliseconds * (2 + 17 * utilization)
}

/** The timer alone is no reason for the process to live on; an abort ends it early. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined)
}

interface Chunk {
  /** There was nothing after it, or another server is at work. */
  isLast: boolean
  findings: AuditFinding[]
}

async function auditChunk(tx: Transaction<DB>): Promise<Chunk> {
  const locked = await tx.executeQuery<RowOf<typeof lockProgress>>(
    CompiledQuery.raw(lockProgress.text, []),
  )
  const progress = locked.rows[0]
  if (progress === undefined) return { isLast: true, findings: [] }
  const after = toSafeInteger(progress.position)
  const sizes = await tx.executeQuery<RowOf<typeof chunkAfter>>(
    CompiledQuery.raw(chunkAfter.text, [after, transfersPerChunk]),
  )
  const { last_position, chunk_end } = present(sizes.rows[0], 'the bounds of a chunk')
  const until = chunk_end === null ? after : toSafeInteger(chunk_end)
  const isLast = until >= toSafeInteger(last_position)
  const findings = until > after ? await audit(tx, after, until) : []
  const count = findings.reduce((sum, finding) => sum + finding.count, 0)
  await tx.executeQuery(CompiledQuery.raw(advanceProgress.text, [until, isLast, count]))
  return { isLast, findings }
}

async function audit(tx: Transaction<DB>, after: number, until: number): Promise<AuditFinding[]> {
  const find = async ({ text }: Pick<Statement, 'text'>, values: number[]) => {
    const query = CompiledQuery.raw(text, values)
    const { rows } = await tx.executeQuery<RowOf<AuditPass['statement']>>(query)
    return collectFindings(rows, recentChecks)
  }
  return [
    ...(await find(recentBatches, [after, until])),
    ...(await find(recentEntries, [after, until])),
    ...(await find(recentLinks, [after, until])),
    ...(await find(touchedAccounts, [after, until, entriesPerChunk])),
  ]
}

async function readState(tx: Transaction<DB>): Promise<AuditState> {
  const { rows } = await tx.executeQuery<RowOf<typeof readProgress>>(
    CompiledQuery.raw(readProgress.text, []),
  )
  const row = present(rows[0], 'the progress of the audit')
  return {
    completedAt: row.completed_at ?? undefined,
    findingCount: toSafeInteger(row.finding_count),
    batchesBehind: toSafeInteger(row.batches_behind),
  }
}

/**
 * A whole audit of that moment was silent: what the scheduled one found before is settled. Returns
 * whether there was anything to settle. On a standby nothing can be written, and there it throws.
 */
export async function acceptVerdict(url: string, at: Date): Promise<boolean> {
  const client = new Client({ connectionString: url, application_name: 'tallystick audit' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const found = await client.query<RowOf<typeof readProgress>>(queryOf(readProgress, [], false))
    if (toSafeInteger(found.rows[0]?.finding_count ?? '0') === 0) return false
    const settled = await client.query(queryOf(settleProgress, [at], false))
    return settled.rowCount === 1
  } finally {
    await client.end().catch(() => undefined)
  }
}
