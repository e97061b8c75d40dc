/**
 * Clears the way for a new PostgreSQL in a cluster that an earlier one may have left in any state.
 * Called with the folder's lock held, so no living server uses what is found here.
 *
 * 1. A PostgreSQL that outlived its server is stopped: cleanly, else at once (it then recovers).
 * 2. Backends that outlived their postmaster are ended; they would keep its shared memory.
 * 3. Lock files that name a process that is not PostgreSQL's are removed. PostgreSQL itself would
 *    refuse to start when the pid in them is in use again by anything at all.
 */
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { socketPath } from './address.ts'
import { EmbeddedPostgresError } from './error.ts'
import { postmasterFile, readPostmaster } from './postmaster-file.ts'
import { findPostgresOf, isPostgresOf, signal, waitForEnd } from './processes.ts'

const FAST_SHUTDOWN_MILLISECONDS = 60_000
const IMMEDIATE_SHUTDOWN_MILLISECONDS = 10_000
const BACKEND_END_MILLISECONDS = 2_000

export async function takeOver(cluster: string, log: (line: string) => void): Promise<void> {
  const postmaster = await readPostmaster(cluster)
  if (postmaster && (await isPostgresOf(postmaster.pid, cluster))) {
    log(`stopping the PostgreSQL (pid ${postmaster.pid}) that an earlier server left running`)
    await stopPostmaster(postmaster.pid)
  }
  await endLeftovers(cluster)
  const socket = socketPath(cluster)
  if (socket !== undefined) {
    await refuseIfServed(cluster, socket)
    await rm(socket, { force: true })
    await rm(`${socket}.lock`, { force: true })
  }
  await rm(postmasterFile(cluster), { force: true })
}

async function endLeftovers(cluster: string): Promise<void> {
  for (const name of ['SIGQUIT', 'SIGKILL'] as const) {
    const pids = await findPostgresOf(cluster)
    for (const pid of pids) signal(pid, name)
    await Promise.all(pids.map((pid) => waitForEnd(pid, BACKEND_END_MILLISECONDS)))
  }
}

/** Stops a postmaster by its pid: fast, then immediately, then hard. Committed data is safe in each. */
export async function stopPostmaster(pid: number): Promise<void> {
  signal(pid, 'SIGINT')
  if (await waitForEnd(pid, FAST_SHUTDOWN_MILLISECONDS)) return
  signal(pid, 'SIGQUIT')
  if (await waitForEnd(pid, IMMEDIATE_SHUTDOWN_MILLISECONDS)) return
  signal(pid, 'SIGKILL')
  await waitForEnd(pid, IMMEDIATE_SHUTDOWN_MILLISECONDS)
}

/**
 * A PostgreSQL that cannot be seen as a process, since it runs in another container on the same
 * volume, still answers on its socket. Starting a second one would destroy the data.
 */
async function refuseIfServed(cluster: string, socket: string): Promise<void> {
  // The end of a backend may come a moment before the end of its listening socket.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (!(await answers(socket))) return
    await sleep(200)
  }
  throw new EmbeddedPostgresError(
    `a PostgreSQL that is not a process of this system (another container?) is using ${cluster}: ` +
      'stop it first',
  )
}

async function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
