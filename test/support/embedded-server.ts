/**
 * A process that does with an embedded PostgreSQL what a bank does, for tests that kill it:
 * `node embedded-server.ts <data folder>` starts it, says so in one line of JSON, and stops it at
 * SIGTERM. A refusal to start is told on standard error, with exit code 1.
 */
import { startEmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { EmbeddedPostgresError } from '../../server/src/database/embedded/error.ts'

const [dataDirectory = 'data'] = process.argv.slice(2)

try {
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log: (line) => process.stderr.write(`${line}\n`),
  })
  process.once('SIGTERM', () => void postgres.stop())
  const { pid, ownerUrl } = postgres
  process.stdout.write(`${JSON.stringify({ postgresPid: pid, ownerUrl })}\n`)
} catch (error) {
  if (!(error instanceof EmbeddedPostgresError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
