/** What happens to the processes of PostgreSQL. */
import { setTimeout as sleep } from 'node:timers/promises'
import { signal } from '../server/src/database/embedded/processes.ts'
import type { Fault, PostgresHost } from './fault.ts'

const killBackend: Fault = {
  name: 'kill-backend',
  description: 'kill -9 of a session of the ledger; PostgreSQL then ends all and recovers',
  async inject({ postgres, load, note }, random) {
    await load.acknowledged(random.integer(1, 50))
    const rows = await postgres.query<{ pid: number; state: string }>(
      `select pid, state from pg_stat_activity where application_name = 'tallystick ledger'`,
    )
    const { pid, state } = random.pick(rows)
    const checkpointer = await findCheckpointer(postgres)
    signal(pid, 'SIGKILL')
    note(`killed session ${pid}, which was ${state}`)
    // The postmaster may take its time to notice; then it starts all other processes anew.
    while ((await findCheckpointer(postgres).catch(() => checkpointer)) === checkpointer) {
      await sleep(20)
    }
  },
}

async function findCheckpointer(postgres: PostgresHost): Promise<number | undefined> {
  const [row] = await postgres.query<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'checkpointer'`,
  )
  return row?.pid
}

const killPostgres: Fault = {
  name: 'kill-postgres',
  description: 'kill -9 of all of PostgreSQL; the servers stay and wait for its return',
  async inject({ postgres, note }, random) {
    await sleep(random.integer(0, 300))
    note(`killed PostgreSQL (${postgres.pid})`)
    await postgres.kill()
    await sleep(random.integer(0, 1_500))
    await postgres.start()
  },
}

const restartPostgres: Fault = {
  name: 'restart-postgres',
  description: 'a clean stop and start of PostgreSQL, as for a minor upgrade',
  async inject({ postgres, note }, random) {
    await sleep(random.integer(0, 300))
    note(`stopped PostgreSQL (${postgres.pid})`)
    await postgres.stop()
    await sleep(random.integer(0, 500))
    await postgres.start()
  },
}

export const postgresFaults: readonly Fault[] = [killBackend, killPostgres, restartPostgres]
