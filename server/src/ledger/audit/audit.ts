/**
 * The auditor: recomputes everything from the transfers and holds it against what the ledger says.
 *
 * All passes read one snapshot (REPEATABLE READ, READ ONLY), so it may run beside traffic; it takes
 * no row locks and writes nothing. It reads the whole ledger several times (8 s per million transfers
 * on 2 cores, 2026-11-22, half of it the chain of entries), and as long as it runs vacuum keeps what
 * its snapshot can see, so that hot accounts get slower. A large bank runs it at night or on a restored
 * backup.
 */
import { Client, type ClientBase } from 'pg'
import { toSafeInteger } from '../../database/convert.ts'
import { classifyDatabaseError } from '../../database/errors.ts'
import { queryOf, statement, type RowOf } from '../../database/statement.ts'
import { present } from '../../kernel/assert.ts'
import { Fault } from '../../kernel/fault.ts'
import { accountPasses } from './account-checks.ts'
import type { AuditPass } from './check.ts'
import { entryPasses } from './entry-checks.ts'
import { collectFindings, type AuditFinding } from './finding.ts'
import { holdPasses } from './hold-checks.ts'
import { keyPasses } from './key-checks.ts'
import { transferPasses } from './transfer-checks.ts'

/** Every pass, in the order in which they run. */
export const auditPasses: readonly AuditPass[] = [
  ...accountPasses,
  ...entryPasses,
  ...transferPasses,
  ...holdPasses,
  ...keyPasses,
]

export interface AuditReport {
  /** Empty when all is well. */
  findings: AuditFinding[]
  /** Business time of the snapshot. */
  at: Date
  /** How much was looked at. */
  accountCount: number
  transferCount: number
  checkCount: number
}

export interface AuditProgress {
  title: string
  /** From 1 to `count`, as each pass begins. */
  number: number
  count: number
}

/** When the snapshot is from and how much it holds. Reads `account` and `transfer`; no locks. */
export const auditScope = statement({
  name: 'audit_scope',
  text: `
    select bank_now() as at, (select count(*) from account) as account_count,
      (select count(*) from transfer) as transfer_count`,
  parameters: [],
  columns: { at: 'timestamp with time zone', account_count: 'bigint', transfer_count: 'bigint' },
})

export interface AuditOptions {
  /** Any login that may read the ledger: the server's own can. */
  url: string
  onProgress?: (progress: AuditProgress) => void
}

/**
 * Audits the whole ledger on a connection of its own, without the limits of a pool on how long a
 * statement may take. Throws a `Fault` when there is no database, or when it is lost on the way.
 */
export async function auditLedger({ url, onProgress }: AuditOptions): Promise<AuditReport> {
  const client = new Client({
    connectionString: url,
    application_name: 'tallystick audit',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  // Without a listener the end of the connection would end the process; the pass fails anyway.
  client.on('error', () => undefined)
  try {
    await client.connect()
    // Sorting millions of rows wants memory, and only here.
    await client.query(`begin isolation level repeatable read, read only;
      set local statement_timeout = 0; set local work_mem = '64MB'`)
    return await auditSnapshot(client, onProgress)
  } catch (error) {
    if (classifyDatabaseError(error) !== 'unavailable') throw error
    throw new Fault('unavailable', 'the audit lost its database', { cause: error })
  } finally {
    // Nothing was written, so the tx may end with its connection.
    await client.end().catch(() => undefined)
  }
}

/** Runs every pass in the tx of the caller, whose isolation decides what they see. */
export async function auditSnapshot(
  client: ClientBase,
  onProgress: (progress: AuditProgress) => void = () => {},
): Promise<AuditReport> {
  const scope = await client.query<RowOf<typeof auditScope>>(queryOf(auditScope, [], false))
  const { at, account_count, transfer_count } = present(scope.rows[0], 'the scope of the audit')
  const findings: AuditFinding[] = []
  const count = auditPasses.length
  for (const [index, pass] of auditPasses.entries()) {
    onProgress({ title: pass.title, number: index + 1, count })
    findings.push(...(await runPass(client, pass)))
  }
  return {
    findings,
    at,
    accountCount: toSafeInteger(account_count),
    transferCount: toSafeInteger(transfer_count),
    checkCount: auditPasses.flatMap(({ checks }) => Object.keys(checks)).length,
  }
}

async function runPass(client: ClientBase, pass: AuditPass): Promise<AuditFinding[]> {
  const { rows } = await client.query<RowOf<AuditPass['statement']>>(
    queryOf(pass.statement, [], false),
  )
  return collectFindings(rows, pass.checks)
}
