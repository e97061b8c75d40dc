/**
 * Two server processes on one database: row locks alone keep them right. Under load, and when one of
 * them stops or hangs, harness.system.test.ts holds them to it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedBank } from '../../bench/seed.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { sharedBankSettings } from '../support/bank-settings.ts'
import { createLoadLedger, type LoadLedger } from '../support/load-ledger.ts'
import { startTestPostgres } from '../support/postgres.ts'

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
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})
