/** SIGTERM in the middle of load: whatever the bank has received, it answers. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedBank } from '../../bench/seed.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { sharedBankSettings } from '../support/bank-settings.ts'
import { lineCut } from '../support/load-client.ts'
import { createLoadLedger, type LoadLedger } from '../support/load-ledger.ts'
import { startTestPostgres } from '../support/postgres.ts'

const lines = 64

let postgres: EmbeddedPostgres
let settings: Record<string, string>
let banks: BankProcess[]
let ledger: LoadLedger

beforeAll(async () => {
  postgres = await startTestPostgres()
  settings = sharedBankSettings(postgres)
  banks = await Promise.all([startBankProcess({ settings }), startBankProcess({ settings })])
  const [first] = banks
  if (!first) throw new Error('there is no bank')
  ledger = createLoadLedger(await seedBank(first.baseUrl, { users: 4, accountsPerUser: 6 }))
})

afterAll(async () => {
  ledger?.close()
  await Promise.all((banks ?? []).map((bank) => bank.kill()))
  await postgres?.stop()
})

const urls = () => banks.map(({ baseUrl }) => baseUrl)

/** What was wholly on its way to the bank by then and has never been answered. */
function keysNeverAnswered(time: number): string[] {
  return ledger.entries
    .filter(({ answer, sentAt = Infinity }) => answer?.code === lineCut && sentAt < time)
    .map(({ order }) => order.idempotencyKey)
}

async function restart(index: number): Promise<number | null> {
  const old = banks[index]
  if (!old) throw new Error('there is no such bank')
  const exitCode = await old.stop()
  const address = new URL(old.baseUrl).host
  banks[index] = await startBankProcess({ address, settings })
  return exitCode
}

test('a stop in the middle of load answers all requests in flight and exits with 0', async () => {
  const bank = await startBankProcess({ settings })
  const load = ledger.start({ baseUrls: [bank.baseUrl], lines })
  await load.acknowledged(500)
  const stoppedAt = performance.now()
  expect(await bank.stop()).toBe(0)
  await load.ended

  expect(keysNeverAnswered(stoppedAt)).toEqual([])
  await ledger.expectTruth(postgres.ownerUrl)
  await ledger.settle(urls()[0] ?? '')
  await ledger.expectTruth(postgres.ownerUrl)
})

test('servers that restart in turn under load lose nothing for clients that ask the other', async () => {
  const load = ledger.start({ baseUrls: urls(), lines, failover: true })
  for (const index of [0, 1]) {
    await load.acknowledged(500)
    expect(await restart(index)).toBe(0)
  }
  await load.acknowledged(500)
  await load.stop()

  expect(ledger.open()).toEqual([])
  await ledger.expectTruth(postgres.ownerUrl)
  await ledger.expectBalances(urls()[0] ?? '')
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})
