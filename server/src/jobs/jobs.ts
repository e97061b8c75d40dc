/**
 * Work that is done after its cause, and surely: a job is added in the tx of its cause, and run by
 * some server of the bank until it succeeds, at least once and at most eight times in half an hour.
 *
 * Invariants: a job whose server was killed is taken over by another one. A stop lets jobs under way
 * finish for five seconds; what it cuts is tried again.
 *
 * Bounds: two jobs at once per server, a minute for each try, four connections besides the pool's.
 * New jobs are announced by LISTEN, which needs a session: behind a transaction pooler they are found
 * by polling, every two seconds.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EventEmitter } from 'node:events'
import { runTaskList, type WorkerEvents, type WorkerPool } from 'graphile-worker'
import { Pool } from 'pg'
import type { Database } from '../database/database.ts'
import { silentJobsLogger } from '../database/jobs-schema.ts'
import { releaseAbandonedJobs, removeFailedJobs } from './store.ts'

export { addJob, type NewJob } from './store.ts'

/** Does the job or throws, which means: again later. May be run again after it has succeeded. */
export type JobTask = (payload: unknown) => Promise<void>

export type JobOutcome = 'done' | 'retried' | 'given_up'

export interface JobRunnerOptions {
  /** The server's login. */
  url: string
  namedStatements: boolean
  database: Pick<Database, 'transaction'>
  tasks: Readonly<Record<string, JobTask>>
  onOutcome: (task: string, outcome: JobOutcome, error?: unknown) => void
  /** The queue itself does not work; it is tried again. */
  onError: (error: unknown) => void
  /** How long to wait before new workers are started in place of those that have ended. */
  restartMilliseconds?: number
}

export interface JobRunner {
  start(): void
  /** Waits for the jobs under way. */
  stop(): Promise<void>
}

const jobsAtOnce = 2
const connectionsMax = 4
const tryMilliseconds = 60_000
const sweepMilliseconds = 60_000

export function createJobRunner(options: JobRunnerOptions): JobRunner {
  const { url, database, onError, restartMilliseconds = 5_000 } = options
  const stopping = new AbortController()
  let workers: WorkerPool | undefined
  let running: Promise<void> | undefined
  let sweeper: NodeJS.Timeout | undefined
  const pool = new Pool({
    connectionString: url,
    max: connectionsMax,
    application_name: 'tallystick jobs',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // Also a connection that is in use may die between two statements.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))

  /** The workers end by themselves when the database is away for long: then there are new ones. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      workers = startWorkers(options, pool)
      await workers.promise.catch(onError)
      if (stopping.signal.aborted) return
      onError(new Error('the workers of the job queue have ended'))
      await delay(restartMilliseconds, undefined, { signal: stopping.signal }).catch(
        () => undefined,
      )
    }
  }

  function sweep(): void {
    const sweeping = database.transaction(async (tx) => {
      await releaseAbandonedJobs(tx)
      await removeFailedJobs(tx)
    })
    sweeping.catch(onError)
  }

  return {
    start() {
      running = run()
      sweep()
      sweeper = setInterval(sweep, sweepMilliseconds)
    },
    async stop() {
      clearInterval(sweeper)
      stopping.abort()
      try {
        await workers?.gracefulShutdown('the server stops')
      } catch (error) {
        onError(error)
      }
      await running
      await pool.end()
    },
  }
}

function startWorkers(options: JobRunnerOptions, pool: Pool): WorkerPool {
  const events: WorkerEvents = new EventEmitter()
  // The outcome is stored a little later; should that fail, the job is run again.
  events.on('job:complete', ({ job, error }) => {
    const failed = job.attempts >= job.max_attempts ? 'given_up' : 'retried'
    options.onOutcome(job.task_identifier, error === null ? 'done' : failed, error)
  })
  const tasks = Object.entries(options.tasks).map(([name, task]) => [name, limited(task)])
  return runTaskList(
    {
      concurrency: jobsAtOnce,
      noHandleSignals: true,
      noPreparedStatements: !options.namedStatements,
      logger: silentJobsLogger,
      events,
      // In this mode a database that goes away before an outcome is stored ends the workers; in the
      // other one it is an unhandled rejection, which would end the server.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    },
    Object.fromEntries(tasks),
    pool,
  )
}

/** A try ends with its time or with the server, whatever the task does. */
function limited(task: JobTask) {
  return async (payload: unknown, helpers: { abortSignal?: AbortSignal }): Promise<void> => {
    const timeout = AbortSignal.timeout(tryMilliseconds)
    const signals = helpers.abortSignal ? [helpers.abortSignal, timeout] : [timeout]
    const signal = AbortSignal.any(signals)
    const aborted = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    await Promise.race([task(payload), aborted.promise])
  }
}
