/** What the database tests of the engine share: an engine on a database of its own, audited. */
import { Pool } from 'pg'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { conformanceAmountMax, conformanceTimeZone } from '../engine.conformance.ts'
import { assert, present } from '../../kernel/assert.ts'
import { auditLedger } from '../audit/audit.ts'
import type { StaffEvent } from '../core/staff-event.ts'
import type { LedgerHarness } from '../conformance/world.ts'
import type { Hold, PostedTransfer } from '../engine.ts'
import { createPostgresLedger, type PostgresLedgerOptions } from './postgres-ledger.ts'
import { holdState, transferKind } from './rows.ts'

export interface PostgresHarness extends LedgerHarness {
  database: TestDatabase
  /** The owner's connections, to look and to disturb. */
  pool: Pool
}

/** An engine on a new database, or on one that another engine is on too. */
export async function createPostgresHarness(
  options: Partial<PostgresLedgerOptions> = {},
  shared?: PostgresHarness,
): Promise<PostgresHarness> {
  const database = shared?.database ?? (await createTestDatabase())
  const pool = shared?.pool ?? new Pool({ connectionString: database.superuserUrl, max: 4 })
  pool.on('error', () => {})
  const ledger = createPostgresLedger({
    url: database.url,
    namedStatements: true,
    transferAmountMax: conformanceAmountMax,
    timeZone: conformanceTimeZone,
    ...options,
  })

  async function transfers(): Promise<PostedTransfer[]> {
    const { rows } = await pool.query<TransferRow>(
      `select t.*, w.description, w.reference, w.metadata, l.reverses_id, l.hold_id, l.group_id
        from transfer as t left join transfer_text as w on w.transfer_id = t.id
          left join transfer_link as l on l.transfer_id = t.id
        order by t.batch_id, t.batch_index`,
    )
    return rows.map(readTransfer)
  }

  return {
    database,
    pool,
    ledger,
    transfers,
    async bankAccounts() {
      const { rows } = await pool.query<{ accounts: number; codes: number }>(
        `select (select count(*)::int from account where owner_id is null) as accounts,
          (select count(*)::int from bank_account) as codes`,
      )
      return present(rows[0], 'the row with the counts')
    },
    async staffEvents(actorId) {
      const { rows } = await pool.query<StaffEvent>(
        `select id, kind, actor_id as "actorId", subject_id as "accountId", facts,
            request_id as "requestId"
          from audit_event where actor_id = $1 order by id`,
        [actorId],
      )
      return rows
    },
    async arrange(accountId, { status, overdraftLimit }) {
      await pool.query(
        `update account set status = coalesce($2, status),
          overdraft_limit = coalesce($3, overdraft_limit) where id = $1`,
        [accountId, status, overdraftLimit],
      )
    },
    async makeOverdue(holdId) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        // Triggers do not fire for a replica.
        await client.query('set local session_replication_role = replica')
        // As a batch does: the account first, and what is read of the hold after it.
        await client.query(
          `select from account where id = (select debit_account_id from hold where id = $1)
            for no key update`,
          [holdId],
        )
        const { rows } = await client.query<{ debit_account_id: string; expires_at: Date }>(
          `update hold set created_at = bank_now() - interval '1 s', expires_at = bank_now()
            where id = $1 and state = 'active' returning debit_account_id, expires_at`,
          [holdId],
        )
        await client.query(
          `update account set hold_expires_at = least(hold_expires_at, $2) where id = $1`,
          [rows[0]?.debit_account_id, rows[0]?.expires_at],
        )
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    async hold(holdId) {
      const { rows } = await pool.query<HoldRow>('select * from hold where id = $1', [holdId])
      return rows[0] && toHold(rows[0])
    },
    defects: [
      { name: 'an assertion of the core', change: { amount: 0.5 } },
      { name: 'a CHECK violation', change: { description: 'x'.repeat(141) } },
      { name: 'a NUL in text', change: { reference: 'a\0b' } },
      { name: 'a NUL in JSON', change: { metadata: { name: 'a\0b' } } },
      { name: 'a key that is no text', change: { principalId: 'not a uuid', authority: 'staff' } },
    ],
    async audit() {
      const { findings } = await auditLedger({ url: database.url })
      assert(findings.length === 0, `the books are wrong: ${JSON.stringify(findings)}`)
    },
    async close() {
      await ledger.stop()
      if (shared) return
      await pool.end()
      await database.drop()
    },
  }
}

interface HoldRow {
  id: string
  principal_id: string
  debit_account_id: string
  credit_account_id: string
  amount: string
  captured: string
  currency: string
  state: string
  expires_at: Date
  created_at: Date
}

function toHold(row: HoldRow): Hold {
  return {
    id: row.id,
    principalId: row.principal_id,
    debitAccountId: row.debit_account_id,
    creditAccountId: row.credit_account_id,
    amount: Number(row.amount),
    captured: Number(row.captured),
    currency: row.currency,
    state: holdState(row.state),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
  }
}

interface TransferRow {
  id: string
  kind: string
  principal_id: string
  debit_account_id: string
  credit_account_id: string
  amount: string
  currency: string
  description: string | null
  reference: string | null
  metadata: Record<string, string> | null
  debit_seq: string
  credit_seq: string
  debit_balance_after: string
  credit_balance_after: string
  reverses_id: string | null
  hold_id: string | null
  group_id: string | null
  created_at: Date
}

function readTransfer(row: TransferRow): PostedTransfer {
  return {
    id: row.id,
    kind: transferKind(row.kind),
    principalId: row.principal_id,
    debitAccountId: row.debit_account_id,
    creditAccountId: row.credit_account_id,
    amount: Number(row.amount),
    currency: row.currency,
    description: row.description,
    reference: row.reference,
    metadata: row.metadata,
    debitSeq: Number(row.debit_seq),
    creditSeq: Number(row.credit_seq),
    debitBalanceAfter: BigInt(row.debit_balance_after),
    creditBalanceAfter: BigInt(row.credit_balance_after),
    reversesId: row.reverses_id,
    holdId: row.hold_id,
    groupId: row.group_id,
    createdAt: row.created_at,
  }
}
