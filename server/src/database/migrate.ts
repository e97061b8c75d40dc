/**
 * Brings the schema up to date: the numbered SQL files of `server/migrations`, forward only, each
 * in a tx of its own, recorded in `schema_migration` by node-pg-migrate.
 *
 * Phases: connect as the owner; take the lock, waiting for whoever holds it; run what is missing, and
 * the migrations of the job queue; give the server's login its role. Any number of servers may start at once: one runs the
 * migrations, the others find nothing left to do. A schema that is newer than this program stays as
 * it is.
 *
 * The lock belongs to the session, so the URL must lead to PostgreSQL itself and not through a
 * transaction pooler.
 */
import { readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import { Client, DatabaseError } from 'pg'
import { DatabaseSetupError, sqlStateOf } from './errors.ts'
import { migrateJobs } from './jobs-schema.ts'
import { grantServerRole } from './roles.ts'

export interface MigrateOptions {
  /** The owner's login. */
  url: string
  log: (line: string) => void
  /** The login of the server, when it is not the owner's. */
  serverLogin?: string
}

const directory = fileURLToPath(new URL('../../migrations', import.meta.url))
export const migrationTable = 'schema_migration'

/** Any number that other users of the database are unlikely to lock. */
const lockId = 4_982_301_775_061_893n
const lockPauseMilliseconds = 100

/** Runs the missing migrations and names them; waits while another process does. */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const names = await listMigrations()
  const client = new Client({
    connectionString: options.url,
    application_name: 'tallystick migrate',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  // Whatever ends the connection also fails the statement under way.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await takeLock(client, options.log)
    // A migration that waits for a table blocks everyone who comes after it: give up instead.
    await client.query("set lock_timeout = '10s'")
    const applied = await runMissing(client, names)
    for (const name of applied) options.log(`applied migration ${name}`)
    await migrateJobs(client, options.url)
    await grantServerRole(client, options.serverLogin, options.log)
    return { applied }
  } finally {
    // The end of the session gives the lock back.
    await client.end()
  }
}

/** The migrations this program knows, in order; a gap or a stray name is refused. */
export async function listMigrations(): Promise<string[]> {
  const names = (await readdir(directory)).filter((file) => file.endsWith('.sql')).toSorted()
  for (const [index, name] of names.entries()) {
    const number = String(index + 1).padStart(4, '0')
    if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name) || !name.startsWith(number)) {
      throw new DatabaseSetupError(`migration ${name} should be named ${number}_<what_it_does>.sql`)
    }
  }
  return names.map((name) => name.replace(/\.sql$/, ''))
}

/**
 * Tries again and again in place of waiting inside `pg_advisory_lock`: a statement that waits keeps
 * a snapshot open, which a CREATE INDEX CONCURRENTLY of the lock's holder would wait for in turn.
 */
async function takeLock(client: Client, log: (line: string) => void): Promise<void> {
  for (let waited = false; ; waited = true) {
    const { rows } = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1) as taken',
      [lockId],
    )
    if (rows[0]?.taken === true) return
    if (!waited) log('another process is migrating the database: waiting for it')
    await delay(lockPauseMilliseconds * (0.5 + Math.random()))
  }
}

async function runMissing(client: Client, names: readonly string[]): Promise<string[]> {
  try {
    const ran = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      schema: 'public',
      migrationsTable: migrationTable,
      checkOrder: true,
      singleTransaction: false,
      noLock: true,
      logger: { info: ignore, warn: ignore, error: ignore },
    })
    return ran.map(({ name }) => name)
  } catch (error) {
    throw await explain(client, names, error)
  }
}

function ignore(): void {}

/** The first migration that is missing after a failure is the one that failed. */
async function explain(client: Client, names: readonly string[], error: unknown): Promise<unknown> {
  if (!(error instanceof DatabaseError)) return error
  await client.query('rollback')
  const applied = await readApplied(client)
  const failed = names.find((name) => !applied.has(name))
  const hint = error.hint === undefined ? '' : ` (${error.hint})`
  return new DatabaseSetupError(
    `migration ${failed ?? 'set-up'} failed and changed nothing: ${error.message}${hint}`,
    { cause: error },
  )
}

/** What has been applied, by the schema's own record; nothing where there is none yet. */
async function readApplied(client: Client): Promise<ReadonlySet<string>> {
  try {
    const { rows } = await client.query<{ name: string }>(`select name from ${migrationTable}`)
    return new Set(rows.map(({ name }) => name))
  } catch (error) {
    if (sqlStateOf(error) === '42P01') return new Set()
    throw error
  }
}
