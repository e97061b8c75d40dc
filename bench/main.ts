/**
 * `npm run bench`: measures a bank of its own on this machine and prints one table of figures and
 * ratios. Load generator, server and PostgreSQL share the machine, everything is durable, and every
 * transfer is authenticated, validated and carries its own idempotency key.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBankProcess } from '../tools/bank-process.ts'
import { measureBaselines, prepareBaselines } from './baselines.ts'
import { createBaselineDatabase } from './baseline-database.ts'
import { postRequest, runLoad, type LoadResult } from './load.ts'
import { admin, seedBank, type SeededBank } from './seed.ts'
import { printReport, type Row } from './report.ts'

const usage = `npm run bench -- [--quick] [--rounds N] [--log-level LEVEL]

  --quick             about a minute: short runs, one round
  --rounds N          rounds to take medians over (default 3, with --quick 1)
  --log-level LEVEL   the server's LOG_LEVEL (default warn)
`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'log-level': { type: 'string', default: 'warn' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(usage)
} else {
  await main()
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}

function residentMebibytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

function transferRequests(bank: SeededBank, pick: () => { from: number; to: number }) {
  const run = randomUUID()
  let count = 0
  const all = [bank.hot, ...bank.accounts]
  return () => {
    const { from, to } = pick()
    const payer = all[from]
    const receiver = all[to]
    if (!payer || !receiver) throw new Error('an account of the load is missing')
    count += 1
    return postRequest(
      '/v1/transfers',
      { authorization: `Bearer ${payer.token}`, 'idempotency-key': `${run}-${count}` },
      { from_account_id: payer.id, to_account_id: receiver.id, amount: 1, currency: 'EUR' },
    )
  }
}

function assertAllPosted(name: string, result: LoadResult): void {
  const others = [...result.statuses].filter(([status]) => status !== 201)
  if (others.length > 0) {
    const list = others.map(([status, count]) => `${count} x ${status}`).join(', ')
    throw new Error(`${name}: not every transfer was posted: ${list}`)
  }
}

async function main(): Promise<void> {
  const quick = values.quick
  const rounds = Number(values.rounds ?? (quick ? 1 : 3))
  const seconds = quick ? 4 : 10
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-bench-'))
  const settings = {
    BOOTSTRAP_ADMIN_USERNAME: admin.username,
    BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    LOG_LEVEL: values['log-level'],
    RATE_LIMITS: 'false',
    ACCOUNTS_PER_USER_MAX: '1000',
  }
  progress('starting a bank for the first time, then again ...')
  const first = await startBankProcess({ dataDirectory: directory, settings })
  await first.stop()
  const bank = await startBankProcess({ dataDirectory: directory, settings })
  const rows: Row[] = []
  try {
    progress('opening accounts ...')
    const seeded = await seedBank(bank.baseUrl, { users: 10, accountsPerUser: quick ? 50 : 200 })
    const database = await createBaselineDatabase(directory)
    progress('filling the tables of the baselines ...')
    await prepareBaselines(database)

    const accountCount = seeded.accounts.length
    const random = () => {
      const from = 1 + Math.floor(Math.random() * accountCount)
      return { from, to: 1 + (from % accountCount) }
    }
    let flip = false
    const hot = () => {
      const other = 1 + Math.floor(Math.random() * accountCount)
      flip = !flip
      return flip ? { from: 0, to: other } : { from: other, to: 0 }
    }
    const { hostname, port } = new URL(bank.baseUrl)
    const load = async (
      name: string,
      pick: () => { from: number; to: number },
      connections: number,
      ratePerSecond?: number,
    ): Promise<LoadResult> => {
      progress(`  ${name} ...`)
      const result = await runLoad({
        host: hostname,
        port: Number(port),
        connections,
        durationSeconds: seconds,
        ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
        nextRequest: transferRequests(seeded, pick),
      })
      assertAllPosted(name, result)
      return result
    }
    await load('warm-up', random, 256)
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}`)
      const baselines = await measureBaselines(database, seconds)
      const throughput = {
        '64 connections, random accounts': await load('64 connections', random, 64),
        '256 connections, random accounts': await load('256 connections', random, 256),
        '256 connections, one hot account': await load('hot account', hot, 256),
      }
      for (const [name, result] of Object.entries(throughput)) {
        rows.push({ kind: 'throughput', name, result, baselines })
      }
      rows.push({
        kind: 'latency',
        name: 'one at a time',
        result: await load('one at a time', random, 1),
      })
      rows.push({
        kind: 'latency',
        name: '500 per second',
        result: await load('500/s', random, 64, 500),
      })
    }
    printReport({
      rows,
      logLevel: values['log-level'],
      cores: availableParallelism(),
      residentMebibytes: residentMebibytes(bank.process.pid ?? 0),
      readyFirstMilliseconds: first.readyMilliseconds,
      readySecondMilliseconds: bank.readyMilliseconds,
      rounds,
      seconds,
    })
  } finally {
    await bank.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
