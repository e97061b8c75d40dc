/** Jobs as they are stored, in the schema of graphile-worker. */
import { sql, type Kysely } from 'kysely'
import type { DB } from '../database/schema.generated.ts'

export interface NewJob {
  task: string
  /** JSON. It stays in the database until the job is done: never a secret. */
  payload: object
  /** Of the jobs with one key at most one waits: a later one replaces it. */
  key: string
}

// The pause before the next try is e^attempt seconds: 8 tries are half an hour.
const attemptsMax = 8

/** Adds a job in the tx of its cause: it runs exactly if that commits. */
export async function addJob(tx: Kysely<DB>, { task, payload, key }: NewJob): Promise<void> {
  await sql`select from graphile_worker.add_job(
    ${task}::text,
    payload => ${JSON.stringify(payload)}::json,
    max_attempts => ${attemptsMax}::integer,
    job_key => ${key}::text,
    job_key_mode => 'preserve_run_at'
  )`.execute(tx)
}

/**
 * Gives jobs back whose server was killed while it had them; graphile-worker itself waits four hours.
 * A seq scan: done jobs are deleted, so the table is as long as the queue.
 */
export async function releaseAbandonedJobs(tx: Kysely<DB>): Promise<void> {
  await sql`update graphile_worker._private_jobs set locked_at = null, locked_by = null
    where locked_at < bank_now() - interval '3 minutes'`.execute(tx)
}

/** Forgets jobs that were given up a week ago. */
export async function removeFailedJobs(tx: Kysely<DB>): Promise<void> {
  await sql`delete from graphile_worker._private_jobs
    where attempts >= max_attempts and locked_at is null
      and run_at < bank_now() - interval '7 days'`.execute(tx)
}
