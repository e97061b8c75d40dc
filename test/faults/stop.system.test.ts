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
/** Settles what the one that is stopped has left open. */
let other: BankProcess
let ledger: LoadLedger

beforeAll(async () => {
  postgres = await startTestPostgres()
  settings = sharedBankSettings(postgres)
  other = await startBankProcess({ settings })
  ledger = createLoadLedger(await seedBank(other.baseUrl, { users: 4, accountsPerUser: 6 }))
})

afterAll(async () => {
  ledger?.close()
  await other?.kill()
  await postgres?.stop()
})

/** What was wholly on its way to the bank by then and has never been answered. */
function keysNeverAnswered(time: number): string[] {
  return ledger.entries
    .filter(({ answer, sentAt = Infinity }) => answer?.code === lineCut && sentAt < time)
    .map(({ order }) => order.idempotencyKey)
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
  await ledger.settle(other.baseUrl)
  await ledger.expectTruth(postgres.ownerUrl)
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})
