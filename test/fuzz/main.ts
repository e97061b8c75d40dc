/**
 * `npm run fuzz`: generated requests to a bank on a PostgreSQL of its own. The same seed makes the
 * same requests again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { migrate } from '../../server/src/database/migrate.ts'
import { runFuzz } from './run.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string' },
  },
})
const requests = Number(values.requests)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
if (!Number.isSafeInteger(requests) || !Number.isSafeInteger(seed)) {
  throw new Error('usage: npm run fuzz -- [--requests 100000] [--seed 1]')
}

const dataDirectory = await mkdtemp(join(tmpdir(), 'tallystick-fuzz-'))
const log = () => undefined
const postgres = await startEmbeddedPostgres({ dataDirectory, log, settings: { fsync: 'off' } })
try {
  const { url: databaseUrl, ownerUrl } = postgres
  await migrate({ url: ownerUrl, log })
  process.stdout.write(`seed ${seed}, ${requests} requests\n`)
  const startedAt = performance.now()
  const report = await runFuzz({ databaseUrl, ownerUrl, requests, seed, onProgress })
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  process.stdout.write(`\n${report.sent} requests in ${seconds} s\n`)
  for (const [status, count] of [...report.statuses].toSorted(([a], [b]) => a - b)) {
    process.stdout.write(`${status} ${String(count).padStart(8)}\n`)
  }
  process.stdout.write(
    report.neverDone.length === 0
      ? 'Every operation was answered with 2xx, at least once.\n'
      : `never answered with 2xx: ${report.neverDone.join(', ')}\n`,
  )
  for (const finding of report.findings) process.stdout.write(`\n${finding}\n`)
  process.stdout.write(
    report.findings.length === 0
      ? 'Every answer was as the document says.\n'
      : `\n${report.findings.length} findings; again: npm run fuzz -- --seed ${seed} --requests ${report.sent}\n`,
  )
  process.exitCode = report.findings.length === 0 ? 0 : 1
} finally {
  await postgres.stop()
  await rm(dataDirectory, { recursive: true, force: true })
}

function onProgress(sent: number): void {
  if (sent % 5_000 === 0) process.stdout.write(`${sent} `)
}
