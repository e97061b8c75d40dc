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
import { sendQuery } from './query.ts'

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
  const connectionOf = createConnections(createNames(options.namedStatements))
  const settings = [
    `set local statement_timeout = ${options.statementMilliseconds}`,
    `set local lock_timeout = ${options.lockMilliseconds}`,
    `set local idle_in_transaction_session_timeout = ${options.idleMilliseconds}`,
    ...(options.role === undefined ? [] : [`set local role ${escapeIdentifier(options.role)}`]),
  ].join('; ')

  return {
    init: async () => undefined,
    destroy: async () => undefined,
    async acquireConnection() {
      return connectionOf(await connect(options.pool))
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

/**
 * A client of the pool, for as long as it lives. One object for each client and not for each use: Kysely
 * notes every connection that it sees in a weak set, and what is new in one of those grows old.
 */
class Connection implements DatabaseConnection {
  readonly client: PoolClient
  readonly #nameOf: NameOf
  inTransaction = false
  /** Why the connection must not be used again. */
  broken: unknown

  constructor(client: PoolClient, nameOf: NameOf) {
    this.client = client
    this.#nameOf = nameOf
    // The server may go away between two statements; COMMIT must not be sent after that.
    client.on('error', (error) => {
      this.broken ??= error
    })
  }

  release(): void {
    // Whatever its tx came to, it is no concern of the next use.
    this.inTransaction = false
    this.client.release(this.broken !== undefined)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return await run<R>(this, query, this.#nameOf(query.sql))
    } catch (error) {
      throw faultOf(this, query, error)
    }
  }

  streamQuery(): never {
    throw new Defect('streaming is not offered: read by keyset')
  }
}

/** Makes the function that finds the connection of a client. */
function createConnections(nameOf: NameOf): (client: PoolClient) => Connection {
  const connections = new WeakMap<PoolClient, Connection>()
  return (client) => {
    const known = connections.get(client)
    if (known) return known
    const made = new Connection(client, nameOf)
    connections.set(client, made)
    return made
  }
}

function own(connection: DatabaseConnection): Connection {
  assert(connection instanceof Connection, 'a connection of another driver')
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
    return toQueryResult(await sendQuery(client, name === undefined ? config : { ...config, name }))
  } catch (error) {
    // 0A000 with a name: a migration has changed the columns of `select *` since it was prepared.
    if (name === undefined || sqlStateOf(error) !== '0A000') throw error
    connection.broken = error
    if (connection.inTransaction) throw error
    return toQueryResult(await sendQuery(client, config))
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
    await sendQuery(connection.client, { text })
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
    command = (await sendQuery(connection.client, config)).command
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
      await sendQuery(connection.client, { text: 'rollback' })
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
