/**
 * Kysely's connection to `pg`, in place of its own PostgreSQL driver, because a bank has to know
 * more: which errors mean that nothing was done, and when a COMMIT's outcome is unknown.
 *
 * Invariants: a tx begins with its limits and its role in one flight, all of them LOCAL, so that
 * nothing is left in the session and a transaction pooler may stand between. COMMIT is reported as
 * done only by its tag. A connection that showed any sign of trouble is destroyed and never pooled
 * again. Failures of the surroundings become Faults here; all other errors pass as they are.
 */
import { createHash } from 'node:crypto'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import { type Pool, escapeIdentifier, type PoolClient, type QueryResult as PgResult } from 'pg'
import { assert, Defect } from '../kernel/assert.ts'
import { Fault } from '../kernel/fault.ts'
import { classifyDatabaseError, sqlStateOf } from './errors.ts'

export interface DriverOptions {
  pool: Pool
  namedStatements: boolean
  role?: string | undefined
  /** How long a statement, a wait for a lock and a pause between statements may take in a tx. */
  statementMilliseconds: number
  lockMilliseconds: number
  idleMilliseconds: number
  /** How long COMMIT's answer may take: no server-side limit ends a wait for a standby. */
  commitMilliseconds: number
}

/** The most distinct texts that get a name, since each is kept by every session. */
const namedTextsMax = 256

interface Connection extends DatabaseConnection {
  client: PoolClient
  inTransaction: boolean
  release(): void
  /** Why the connection must not be used again. */
  broken: unknown
}

/** A Kysely dialect over a pool that the caller owns and closes. */
export function createDialect(options: DriverOptions): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => createDriver(options),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

function createDriver(options: DriverOptions): Driver {
  const connections = new WeakMap<DatabaseConnection, Connection>()
  const nameOf = createNames(options.namedStatements)
  const settings = [
    `set local statement_timeout = ${options.statementMilliseconds}`,
    `set local lock_timeout = ${options.lockMilliseconds}`,
    `set local idle_in_transaction_session_timeout = ${options.idleMilliseconds}`,
    ...(options.role === undefined ? [] : [`set local role ${escapeIdentifier(options.role)}`]),
  ].join('; ')

  function own(connection: DatabaseConnection): Connection {
    const found = connections.get(connection)
    assert(found, 'a connection of another driver')
    return found
  }

  return {
    init: async () => undefined,
    destroy: async () => undefined,
    async acquireConnection() {
      const connection = createConnection(await connect(options.pool), nameOf)
      connections.set(connection, connection)
      return connection
    },
    async releaseConnection(connection) {
      own(connection).release()
    },
    async beginTransaction(connection, transactionSettings) {
      await begin(own(connection), `${beginText(transactionSettings)}; ${settings}`)
    },
    async commitTransaction(connection) {
      await commit(own(connection), options.commitMilliseconds)
    },
    async rollbackTransaction(connection) {
      await rollback(own(connection))
    },
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw new Fault('unavailable', 'no connection to the database', { cause: error })
  }
}

function createConnection(client: PoolClient, nameOf: NameOf): Connection {
  const connection: Connection = {
    client,
    inTransaction: false,
    broken: undefined,
    release() {
      client.removeListener('error', onError)
      client.release(connection.broken !== undefined)
    },
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      try {
        return await run<R>(connection, query, nameOf(query.sql))
      } catch (error) {
        throw faultOf(connection, query, error)
      }
    },
    streamQuery() {
      throw new Defect('streaming is not offered: read by keyset')
    },
  }
  // The server may go away between two statements; COMMIT must not be sent after that.
  function onError(error: Error): void {
    connection.broken ??= error
  }
  client.on('error', onError)
  return connection
}

async function run<R>(
  connection: Connection,
  query: CompiledQuery,
  name: string | undefined,
): Promise<QueryResult<R>> {
  const { client } = connection
  const config = { text: query.sql, values: [...query.parameters] }
  try {
    return toQueryResult(await client.query(name === undefined ? config : { ...config, name }))
  } catch (error) {
    // 0A000 with a name: a migration has changed the columns of `select *` since it was prepared.
    if (name === undefined || sqlStateOf(error) !== '0A000') throw error
    connection.broken = error
    if (connection.inTransaction) throw error
    return toQueryResult(await client.query(config))
  }
}

function toQueryResult<R>({ command, rowCount, rows }: PgResult): QueryResult<R> {
  return command === 'SELECT' ? { rows } : { rows, numAffectedRows: BigInt(rowCount ?? 0) }
}

/**
 * Loss of the database in a tx, or while reading, means that nothing was done. A statement that may
 * write outside a tx commits on its own, so its outcome is unknown.
 */
function faultOf(connection: Connection, query: CompiledQuery, error: unknown): unknown {
  if (classifyDatabaseError(error) !== 'unavailable') return error
  connection.broken ??= error
  const nothingDone = connection.inTransaction || readsOnly(query)
  return nothingDone
    ? new Fault('unavailable', 'the database did not answer', { cause: error })
    : new Fault('outcome_unknown', 'the database did not answer a write', { cause: error })
}

function readsOnly({ query }: CompiledQuery): boolean {
  return query.kind === 'SelectQueryNode' && !('with' in query && query.with !== undefined)
}

function beginText({ isolationLevel, accessMode }: TransactionSettings): string {
  return `begin isolation level ${isolationLevel ?? 'read committed'} ${accessMode ?? 'read write'}`
}

async function begin(connection: Connection, text: string): Promise<void> {
  try {
    await connection.client.query(text)
    connection.inTransaction = true
  } catch (error) {
    // BEGIN itself may have succeeded: the session must not return to the pool inside a tx.
    connection.broken ??= error
    if (classifyDatabaseError(error) !== 'unavailable') throw error
    throw new Fault('unavailable', 'no tx could be begun', { cause: error })
  }
}

async function commit(connection: Connection, limitMilliseconds: number): Promise<void> {
  if (connection.broken !== undefined) {
    throw new Fault('unavailable', 'the connection was lost before COMMIT', {
      cause: connection.broken,
    })
  }
  let command: string
  try {
    const config = { text: 'commit', query_timeout: limitMilliseconds }
    command = (await connection.client.query(config)).command
  } catch (error) {
    if (classifyDatabaseError(error) !== 'unavailable') throw error
    connection.broken ??= error
    throw new Fault('outcome_unknown', "COMMIT's answer was lost", { cause: error })
  }
  connection.inTransaction = false
  // The server undoes a tx in which a statement failed, and says so in the tag only.
  assert(command === 'COMMIT', `a failed statement was swallowed: COMMIT did ${command}`)
}

/** Never throws: what is worth reporting is the error that led here. */
async function rollback(connection: Connection): Promise<void> {
  if (connection.inTransaction && connection.broken === undefined) {
    try {
      await connection.client.query('rollback')
    } catch (error) {
      connection.broken = error
    }
  }
  connection.inTransaction = false
}

type NameOf = (text: string) => string | undefined

/** Names for the first texts that come by; lists of changing length must not fill the sessions. */
function createNames(named: boolean): NameOf {
  if (!named) return () => undefined
  const names = new Map<string, string>()
  return (text) => {
    const known = names.get(text)
    if (known !== undefined || names.size >= namedTextsMax) return known
    const name = `q_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
    names.set(text, name)
    return name
  }
}
