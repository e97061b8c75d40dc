/** Two server processes on one database: row locks alone keep them right. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedBank } from '../../bench/seed.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { sharedBankSettings } from '../support/bank-settings.ts'
import { createLoadLedger, type LoadLedger, type RunningLoad } from '../support/load-ledger.ts'
import { startTestPostgres } from '../support/postgres.ts'
import { queryOnce } from '../support/query.ts'

const linesEach = 48

let postgres: EmbeddedPostgres
let settings: Record<string, string>
let banks: [BankProcess, BankProcess]
let ledger: LoadLedger

beforeAll(async () => {
  postgres = await startTestPostgres()
  settings = sharedBankSettings(postgres)
  // Both at once, so both find an empty database to migrate and no admin.
  banks = await Promise.all([startBankProcess({ settings }), startBankProcess({ settings })])
  ledger = createLoadLedger(await seedBank(banks[0].baseUrl, { users: 4, accountsPerUser: 6 }))
})

afterAll(async () => {
  ledger?.close()
  await Promise.all((banks ?? []).map((bank) => bank.kill()))
  await postgres?.stop()
})

function audit(): Promise<string> {
  return runCommand(['audit'], { settings })
}

/**
 * The sessions of ledgers that hold locks of a batch and wait for their server, once no ledger has
 * anything left that PostgreSQL could do for it.
 */
async function readWaitingSessions(): Promise<number[]> {
  for (;;) {
    const rows = await queryOnce<{ pid: number; state: string }>(
      postgres.superuserUrl,
      `select distinct a.pid, a.state from pg_stat_activity as a
       left join pg_locks as l on l.pid = a.pid and l.relation = 'account'::regclass
       where a.application_name = 'tallystick ledger'
         and (a.state = 'active' or (a.state = 'idle in transaction' and l.pid is not null))`,
    )
    if (!rows.some(({ state }) => state === 'active')) return rows.map(({ pid }) => pid)
  }
}

/** Stops a server under load at a moment when it holds locks; returns the sessions with them. */
async function stopInsideBatch(bank: BankProcess, load: RunningLoad): Promise<number[]> {
  for (let tries = 1; tries <= 50; tries += 1) {
    await load.acknowledged(100)
    bank.process.kill('SIGSTOP')
    const sessions = await readWaitingSessions()
    if (sessions.length > 0) return sessions
    bank.process.kill('SIGCONT')
  }
  throw new Error('the server was never stopped inside a batch')
}

test('thousands of transfers at one hot account through two servers are all exact', async () => {
  const load = ledger.start({ baseUrls: banks.map(({ baseUrl }) => baseUrl), lines: 2 * linesEach })
  await load.acknowledged(3000)
  await load.stop()
  await ledger.settle(banks[0].baseUrl)
  await ledger.expectTruth(postgres.ownerUrl)
  await ledger.expectBalances(banks[0].baseUrl)
  await ledger.expectBalances(banks[1].baseUrl)
  expect(await audit()).toContain('The books are right')
})

test('one key sent 50 times to two servers at once has one effect and 50 equal answers', async () => {
  const targets = Array.from({ length: 50 }, (_, index) => banks[index % 2 ? 0 : 1].baseUrl)
  for (let round = 0; round < 10; round += 1) {
    const answers = await ledger.askAtOnce(targets)
    const texts = answers.map((answer) => ('text' in answer ? answer.text : answer.code))
    expect(texts).toEqual(texts.map(() => texts[0]))
    expect(answers.filter((answer) => !('replayed' in answer && answer.replayed))).toHaveLength(1)
  }
  await ledger.expectTruth(postgres.ownerUrl)
  await ledger.expectBalances(banks[0].baseUrl)
})

test('a server that is stopped inside a batch does not block the other', async () => {
  const [stopped, other] = banks
  const first = ledger.start({ baseUrls: [stopped.baseUrl], lines: linesEach })
  const sessions = await stopInsideBatch(stopped, first)
  expect(sessions).not.toEqual([])

  const second = ledger.start({ baseUrls: [other.baseUrl], lines: linesEach })
  await second.acknowledged(500)
  stopped.process.kill('SIGCONT')
  await Promise.all([first.stop(), second.stop()])

  await ledger.settle(stopped.baseUrl)
  await ledger.expectTruth(postgres.ownerUrl)
  await ledger.expectBalances(other.baseUrl)
  expect(await audit()).toContain('The books are right')
})
