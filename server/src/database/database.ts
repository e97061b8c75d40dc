/**
 * The pool of plain connections for everything but the ledger's batches, and the one tx helper.
 *
 * Invariants: nothing depends on session state. A tx is committed exactly when `transaction`
 * resolves; when it throws `outcome_unknown` it may have been, in all other cases it was not.
 *
 * Bounds: `poolSize` connections; 5 s to get one, 10 s for a statement, 2 s for a lock, 5 s between
 * two statements of a tx, 5 s for COMMIT; four runs of a tx that the database undid.
 *
 * Statements outside `transaction` commit on their own and run with the login's own rights: writes
 * belong in a tx, where the role applies.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, type Transaction } from 'kysely'
import { Pool } from 'pg'
import { Fault } from '../kernel/fault.ts'
import { createDialect } from './driver.ts'
import { classifyDatabaseError, sqlStateOf } from './errors.ts'
import type { DB } from './schema.generated.ts'

export interface DatabaseOptions {
  /** TLS as the URL's `sslmode` says. */
  url: string
  poolSize: number
  applicationName: string
  /** False behind a pooler that does not know prepared statements. */
  namedStatements: boolean
  /** Taken on for each tx, when the login is the schema's owner: see `findServerRole`. */
  role?: string
}

export interface Database {
  pool: Pool
  kysely: Kysely<DB>
  /**
   * Runs `work` in one READ COMMITTED tx, again with jitter where the database undid it, so it must
   * have no effect beyond the tx. Throws a Fault `unavailable` or `overloaded` (nothing was done)
   * or `outcome_unknown`; a Defect when `work` swallowed a failed statement and nothing could be
   * committed; anything else is what `work` or a statement threw.
   */
  transaction<T>(work: (tx: Transaction<DB>) => Promise<T>): Promise<T>
  /** Waits for what is running; may be called more than once. */
  close(): Promise<void>
}

const attemptsMax = 4
const pauseMilliseconds = 5

export function createDatabase(options: DatabaseOptions): Database {
  const pool = createPool(options)
  const kysely = new Kysely<DB>({
    dialect: createDialect({
      pool,
      namedStatements: options.namedStatements,
      role: options.role,
      statementMilliseconds: 10_000,
      lockMilliseconds: 2_000,
      idleMilliseconds: 5_000,
      commitMilliseconds: 5_000,
    }),
  })
  let closing: Promise<void> | undefined
  return {
    pool,
    kysely,
    transaction: (work) => runTransaction(kysely, work),
    close: () => (closing ??= pool.end()),
  }
}

function createPool({ url, poolSize, applicationName }: DatabaseOptions): Pool {
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    // The client's own limit, for a server that no longer answers at all.
    query_timeout: 15_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  })
  // A connection that dies between two statements emits an error, idle or in use; whoever uses it
  // finds out at the next statement. Without listeners the process would exit.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

async function runTransaction<T>(
  kysely: Kysely<DB>,
  work: (tx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await kysely.transaction().setIsolationLevel('read committed').execute(work)
    } catch (error) {
      if (!mayRetry(error)) throw error
      if (attempt === attemptsMax) {
        throw new Fault('overloaded', 'the database undid the tx each time', { cause: error })
      }
    }
    await delay(Math.random() * pauseMilliseconds * 2 ** attempt)
  }
}

/** Besides its class: a named statement whose result a migration changed is prepared anew. */
function mayRetry(error: unknown): boolean {
  return classifyDatabaseError(error) === 'retry' || sqlStateOf(error) === '0A000'
}
