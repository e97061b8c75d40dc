/**
 * A PostgreSQL of a test's own: the embedded one, in a temporary folder that is gone at the end, also when the
 * test process is killed.
 *
 * Its files are not synced unless the test asks for it: nothing a test writes needs to outlive a
 * power cut. Tests that kill processes, and whatever measures, ask for the durable settings.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'

export interface TestFolder {
  path: string
  remove(): Promise<void>
}

const fastSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  // Many test databases, each with a few pools.
  max_connections: '300',
}

/** Starts one; `stop` also removes it. With `durable`, exactly as a bank runs it. */
export async function startTestPostgres(options?: {
  durable?: boolean
  log?: (line: string) => void
}): Promise<EmbeddedPostgres> {
  const folder = await createTestFolder()
  try {
    const postgres = await startEmbeddedPostgres({
      dataDirectory: join(folder.path, 'data'),
      log: options?.log ?? (() => {}),
      ...(options?.durable ? {} : { settings: fastSettings }),
    })
    const stop = async (): Promise<void> => {
      await postgres.stop()
      await folder.remove()
    }
    return { ...postgres, stop }
  } catch (error) {
    await folder.remove()
    throw error
  }
}

// Waits for the end of the process that holds the other end of its standard input, lets a
// PostgreSQL in the folder finish (its own watchdog stops it at the same moment), then removes it.
const cleanUp = `
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  ls "$1"/*/postgres/postmaster.pid "$1"/*/*/postgres/postmaster.pid 2>/dev/null | grep -q . || break
  sleep 1
done
rm -rf "$1"
`

/** A temporary folder that is removed by the test or, when the test is killed, after it. */
export async function createTestFolder(): Promise<TestFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'tallystick-test-')))
  const cleaner = spawn('sh', ['-c', cleanUp, 'tallystick-test-cleaner', path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  cleaner.on('error', () => {})
  cleaner.stdin.on('error', () => {})
  cleaner.unref()
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
      cleaner.stdin.end()
    },
  }
}
