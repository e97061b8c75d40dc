/**
 * The schema of graphile-worker, which brings its own migrations: they run after ours, as the same
 * owner and under the same lock. See docs/decisions for why the server's role has the rights below.
 */
import { Logger, runMigrations } from 'graphile-worker'
import { Pool, type Client } from 'pg'
import { DatabaseSetupError, sqlStateOf } from './errors.ts'
import { serverRole } from './roles.ts'

/** What graphile-worker has to say is also in what it throws. */
export const silentJobsLogger = new Logger(() => () => undefined)

// Adding, taking, finishing and giving back jobs are statements on these tables that run with the
// rights of the caller. Row level security is on for each of them, so rights alone show no rows.
const tableRights = {
  _private_jobs: 'select, insert, update, delete',
  _private_job_queues: 'select, insert, update',
  _private_tasks: 'select, insert',
} as const

/** Brings the schema of jobs up to date and gives the server's role what it needs there. */
export async function migrateJobs(client: Client, ownerUrl: string): Promise<void> {
  await runMissing(ownerUrl)
  for (const [table, rights] of Object.entries(tableRights)) {
    const { rows } = await client.query<{ exists: boolean }>(
      `select exists (
         select from pg_policies
         where schemaname = 'graphile_worker' and tablename = $1 and policyname = '${serverRole}'
       )`,
      [table],
    )
    if (rows[0]?.exists === true) continue
    // Several statements without parameters are one tx.
    await client.query(
      `grant usage on schema graphile_worker to ${serverRole};
       grant ${rights} on graphile_worker.${table} to ${serverRole};
       create policy ${serverRole} on graphile_worker.${table} to ${serverRole}
         using (true) with check (true)`,
    )
  }
}

/** The one right that owners of a schema may lack: to make another schema. */
async function explain(pool: Pool, cause: unknown): Promise<DatabaseSetupError> {
  const { rows } = await pool.query<{ grant: string }>(
    `select format('grant create on database %I to %I', current_database(), current_user) as grant`,
  )
  return new DatabaseSetupError(
    'the schema graphile_worker of the job queue could not be made: as a superuser run ' +
      (rows[0]?.grant ?? 'grant create on database'),
    { cause },
  )
}

/** graphile-worker begins and commits by itself, so it has a connection of its own. */
async function runMissing(ownerUrl: string): Promise<void> {
  const pool = new Pool({
    connectionString: ownerUrl,
    max: 1,
    application_name: 'tallystick migrate',
    connectionTimeoutMillis: 10_000,
  })
  // Whatever ends the connection also fails the statement under way.
  pool.on('connect', (client) => client.on('error', () => undefined))
  pool.on('error', () => undefined)
  try {
    await runMigrations({ pgPool: pool, logger: silentJobsLogger })
  } catch (error) {
    throw sqlStateOf(error) === '42501' ? await explain(pool, error) : error
  } finally {
    await pool.end()
  }
}
