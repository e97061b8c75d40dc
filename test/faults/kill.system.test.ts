/**
 * `kill -9` in the middle of load, on a durable bank: of the server, of PostgreSQL, of everything.
 *
 * One bank lives through all of it, and so do its customer's books: after each restart they are held
 * against everything that was ever asked.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedBank } from '../../bench/seed.ts'
import { attachEmbeddedPostgres } from '../../server/src/database/embedded/attach.ts'
import { readPostmaster } from '../../server/src/database/embedded/postmaster-file.ts'
import { findPostgresOf, signal } from '../../server/src/database/embedded/processes.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { embeddedBankSettings } from '../support/bank-settings.ts'
import { findWatchdogOf } from '../support/embedded-server-process.ts'
import { createLoadLedger, type LoadLedger, type RunningLoad } from '../support/load-ledger.ts'
import { createTestFolder, type TestFolder } from '../support/postgres.ts'
import { queryOnce } from '../support/query.ts'

const lines = 64
const acknowledgedBeforeKill = 400

let folder: TestFolder
let settings: Record<string, string>
let cluster: string
let bank: BankProcess
let ledger: LoadLedger

beforeAll(async () => {
  folder = await createTestFolder()
  settings = embeddedBankSettings(join(folder.path, 'data'))
  cluster = join(folder.path, 'data', 'postgres')
  bank = await startBankProcess({ settings })
  ledger = createLoadLedger(await seedBank(bank.baseUrl, { users: 4, accountsPerUser: 6 }))
})

afterAll(async () => {
  ledger?.close()
  await bank?.stop()
  await folder?.remove()
})

async function postmasterPid(): Promise<number> {
  const postmaster = await readPostmaster(cluster)
  if (!postmaster) throw new Error('the bank has no PostgreSQL')
  return postmaster.pid
}

async function startLoad(): Promise<RunningLoad> {
  const load = ledger.start({ baseUrls: [bank.baseUrl], lines })
  await load.acknowledged(acknowledgedBeforeKill)
  return load
}

async function ownerUrl(): Promise<string> {
  const urls = await attachEmbeddedPostgres(join(folder.path, 'data'))
  if (!urls) throw new Error('the PostgreSQL of the bank does not answer')
  return urls.ownerUrl
}

/** A session of the ledger. */
async function sessionPid(): Promise<number> {
  const [row] = await queryOnce<{ pid: number }>(
    await ownerUrl(),
    `select pid from pg_stat_activity where application_name = 'tallystick ledger'`,
  )
  if (!row) throw new Error('the ledger has no session')
  return row.pid
}

/** How many times PostgreSQL has lost all its sessions to a recovery. */
async function recoveryCount(): Promise<number> {
  const log = await readFile(join(folder.path, 'data', 'postgres.log'), 'utf8')
  return log.split('all server processes terminated; reinitializing').length - 1
}

async function expectKeptWord(): Promise<void> {
  const url = await ownerUrl()
  await ledger.expectTruth(url)
  await ledger.settle(bank.baseUrl)
  await ledger.expectTruth(url)
  await ledger.expectBalances(bank.baseUrl)
}

test('a server that is killed keeps its word after the restart', async () => {
  const load = await startLoad()
  await bank.kill()
  await load.ended
  expect(ledger.open(), 'the kill came in the middle of load').not.toEqual([])
  bank = await startBankProcess({ settings })
  await expectKeptWord()
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})

test('a server goes on when a session of PostgreSQL is killed and all are lost to recovery', async () => {
  const load = await startLoad()
  const recoveriesBefore = await recoveryCount()
  signal(await sessionPid(), 'SIGKILL')
  // The postmaster may take its time to notice. What was in flight may well be posted after it.
  await expect.poll(recoveryCount, { timeout: 60_000 }).toBeGreaterThan(recoveriesBefore)
  await load.acknowledged(acknowledgedBeforeKill)
  await load.stop()
  expect(bank.process.exitCode).toBeNull()
  await expectKeptWord()
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})

test('a server whose PostgreSQL is killed says so and ends, and keeps its word after', async () => {
  const load = await startLoad()
  signal(await postmasterPid(), 'SIGKILL')
  await load.ended
  expect(ledger.open(), 'the kill came in the middle of load').not.toEqual([])
  expect(await bank.exited).toBe(1)
  expect(bank.output()).toContain(
    `PostgreSQL has ended by itself: ${join(folder.path, 'data', 'postgres.log')}`,
  )
  bank = await startBankProcess({ settings })
  await expectKeptWord()
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})

test('server and PostgreSQL, all killed at once, keep their word after the restart', async () => {
  const load = await startLoad()
  const watchdog = await findWatchdogOf(await postmasterPid())
  const pids = [watchdog, ...(await findPostgresOf(cluster))]
  for (const pid of pids) signal(pid, 'SIGKILL')
  await bank.kill()
  await load.ended
  expect(ledger.open(), 'the kill came in the middle of load').not.toEqual([])
  bank = await startBankProcess({ settings })
  await expectKeptWord()
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})
