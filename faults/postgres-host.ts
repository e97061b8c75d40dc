/**
 * The PostgreSQL of a bank under faults: the embedded binaries, durable, in a folder of its own, that
 * can be killed and started again.
 */
import { join } from 'node:path'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../server/src/database/embedded/embedded-postgres.ts'
import { findPostgresOf, signal, waitForEnd } from '../server/src/database/embedded/processes.ts'
import { queryOnce } from '../test/support/query.ts'
import { addressOf } from '../test/support/tcp-proxy.ts'
import type { PostgresHost, PostgresStart } from './fault.ts'

const endLimitMilliseconds = 10_000

/** With settings of the whole run, over the durable ones. */
export async function startPostgresHost(
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresHost> {
  const run = (options?: PostgresStart) =>
    startEmbeddedPostgres({
      dataDirectory,
      log: () => {},
      settings: { ...settings, ...options?.settings },
    })

  let postgres: EmbeddedPostgres = await run()
  const { url, ownerUrl, superuserUrl, logFile } = postgres
  const clusterFolder = join(postgres.dataDirectory, 'postgres')
  const pids = () => findPostgresOf(clusterFolder)

  return {
    get pid() {
      return postgres.pid
    },
    dataDirectory: postgres.dataDirectory,
    clusterFolder,
    logFile,
    url,
    ownerUrl,
    superuserUrl,
    connect: () => addressOf(superuserUrl).connect(),
    pids,
    query: (text) => queryOnce(superuserUrl, text),
    async kill() {
      // The postmaster first, which would make new ones.
      const all = [postgres.pid, ...(await pids())]
      for (const pid of all) signal(pid, 'SIGKILL')
      for (const pid of all) await waitForEnd(pid, endLimitMilliseconds)
      // Lets go of the folder.
      await postgres.stop()
    },
    stop: () => postgres.stop(),
    async start(options) {
      postgres = await run(options)
      // Servers keep the URL that they were started with.
      if (postgres.url !== url) {
        throw new Error('PostgreSQL has moved: TMPDIR is too long for a socket in it')
      }
    },
  }
}
