/**
 * `node bench/engine.ts`: the ledger engine alone, without HTTP, on a durable PostgreSQL of its own.
 *
 * For each case it prints transfers per second and the CPU that one transfer costs in Node (this
 * process, load generator included) and in PostgreSQL (all of its processes). Cases are run in turn,
 * `--rounds` times, and medians are printed: a machine that others use too allows only ratios.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { createUuidSource } from '../server/src/kernel/ids.ts'
import type { LedgerEngine, TransferInstruction } from '../server/src/ledger/engine.ts'
import { createPostgresLedger } from '../server/src/ledger/postgres/postgres-ledger.ts'
import { cloneDatabase, prepareDatabaseServer } from '../test/support/database-server.ts'
import { startTestPostgres } from '../test/support/postgres.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    accounts: { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '64,256,1000' },
    cases: { type: 'string', default: 'random,hot,deposit' },
    'batches-in-flight': { type: 'string' },
    'batch-size': { type: 'string' },
  },
})

const newId = createUuidSource()
const principalId = newId()
type Case = (index: number) => TransferInstruction

const ticksPerSecond = 100

/** CPU seconds of every process whose parent is the postmaster, and of it. */
function postgresCpuSeconds(postmaster: number): number {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const isOurs = Number(name) === postmaster || Number(fields[1]) === postmaster
      if (isOurs) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // The process has ended in the meantime.
    }
  }
  return ticks / ticksPerSecond
}

async function findPostmaster(url: string): Promise<number> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const status = readFileSync(`/proc/${rows[0]?.pid}/status`, 'utf8')
  await client.end()
  return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

async function seed(url: string, count: number): Promise<string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const ids = Array.from({ length: count }, newId)
  await client.query(
    `insert into account (id, owner_id, currency, normal_side, ledger_balance)
     select id, $2, 'EUR', 'credit', 1000000000000 from unnest($1::uuid[]) as id`,
    [ids, principalId],
  )
  await client.end()
  return ids
}

function common(index: number) {
  return {
    principalId,
    idempotencyKey: { key: `3f0c1c5a-bench-${process.pid}-${index}`, index: 0 },
    requestId: `req_01h455vb4pex5vsknk08${index}`,
    amount: 1 + (index % 100),
    currency: 'EUR',
    description: null,
    reference: null,
    metadata: null,
  }
}

function transfer(from: string, to: string, index: number): TransferInstruction {
  return {
    ...common(index),
    kind: 'transfer',
    authority: 'owner',
    debit: { accountId: from },
    credit: { accountId: to },
  }
}

function createCases(accounts: readonly string[]): Record<string, Case> {
  const any = () => accounts[1 + Math.floor(Math.random() * (accounts.length - 1))] ?? ''
  const hot = accounts[0] ?? ''
  return {
    random(index) {
      const from = any()
      let to = any()
      while (to === from) to = any()
      return transfer(from, to, index)
    },
    hot: (index) => (index % 2 ? transfer(hot, any(), index) : transfer(any(), hot, index)),
    deposit: (index) => ({
      ...common(index),
      principalId: tellerId,
      kind: 'deposit',
      authority: 'staff',
      debit: { bankCode: 'cash' },
      credit: { accountId: any() },
    }),
  }
}

const tellerId = newId()
let nextIndex = 0

async function measure(
  ledger: LedgerEngine,
  makeInstruction: Case,
  concurrency: number,
  postmaster: number,
): Promise<{ perSecond: number; nodeMicroseconds: number; postgresMicroseconds: number }> {
  const seconds = Number(values.seconds)
  const run = { isOver: false }
  let done = 0
  const worker = async (): Promise<void> => {
    while (!run.isOver) {
      const outcome = await ledger.post(makeInstruction(nextIndex++))
      if (outcome.kind !== 'posted') throw new Error(`refused: ${outcome.refusal.code}`)
      done += 1
    }
  }
  const workers = Array.from({ length: concurrency }, worker)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const before = { done, at: performance.now(), cpu: process.cpuUsage() }
  const postgresBefore = postgresCpuSeconds(postmaster)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const count = done - before.done
  const elapsed = (performance.now() - before.at) / 1000
  const { user, system } = process.cpuUsage(before.cpu)
  const postgresSeconds = postgresCpuSeconds(postmaster) - postgresBefore
  run.isOver = true
  await Promise.all(workers)
  return {
    perSecond: count / elapsed,
    nodeMicroseconds: (user + system) / count,
    postgresMicroseconds: (postgresSeconds * 1e6) / count,
  }
}

async function main(): Promise<void> {
  const postgres = await startTestPostgres({ durable: true })
  try {
    const server = await prepareDatabaseServer(postgres.superuserUrl)
    const database = await cloneDatabase(server)
    const accounts = await seed(database.superuserUrl, Number(values.accounts))
    const postmaster = await findPostmaster(database.superuserUrl)
    const ledger = createPostgresLedger({
      url: database.url,
      namedStatements: true,
      transferAmountMax: Number.MAX_SAFE_INTEGER,
      ...(values['batches-in-flight'] && { batchesInFlight: Number(values['batches-in-flight']) }),
      ...(values['batch-size'] && { batchSizeMax: Number(values['batch-size']) }),
    })
    const cases = createCases(accounts)
    const rows = values.cases.split(',').flatMap((name) =>
      values.concurrency.split(',').map((text) => ({
        name,
        concurrency: Number(text),
        results: [] as Awaited<ReturnType<typeof measure>>[],
      })),
    )
    process.stdout.write(`postmaster ${postmaster}\n`)
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const row of rows) {
        const makeInstruction = cases[row.name]
        if (!makeInstruction) throw new Error(`no case ${row.name}`)
        row.results.push(await measure(ledger, makeInstruction, row.concurrency, postmaster))
      }
    }
    for (const { name, concurrency, results } of rows) {
      const of = (pick: (result: (typeof results)[number]) => number) => median(results.map(pick))
      process.stdout.write(
        `${name.padEnd(8)} ${String(concurrency).padStart(5)} in flight ` +
          `${of((result) => result.perSecond)
            .toFixed(0)
            .padStart(7)}/s  node ` +
          `${of((result) => result.nodeMicroseconds).toFixed(1)} us  postgres ` +
          `${of((result) => result.postgresMicroseconds).toFixed(1)} us\n`,
      )
    }
    await ledger.stop()
  } finally {
    await postgres.stop()
  }
}

await main()
