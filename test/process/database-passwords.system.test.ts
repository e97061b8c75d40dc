/** The statements of docs/operating/database-passwords.md, run as they stand on a bank that works. */
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { seedBank } from '../../bench/seed.ts'
import { projectDirectory } from '../../server/src/config/sources.ts'
import { createApi } from '../../tools/api.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { sharedBankSettings } from '../support/bank-settings.ts'
import { startTestPostgres } from '../support/postgres.ts'

const runbook = readFileSync(join(projectDirectory, 'docs/operating/database-passwords.md'), 'utf8')
const blocks = [...runbook.matchAll(/```sql\n([^`]+)```/g)].map(([, text = '']) => text)
const passwords = { '<new password>': randomUUID(), '<new owner password>': randomUUID() }

function urlFor(url: string, login: string, password: string): string {
  const changed = new URL(url)
  changed.username = login
  changed.password = password
  return changed.href
}

async function start(settings: Record<string, string>): Promise<BankProcess> {
  const bank = await startBankProcess({ settings })
  onTestFinished(() => bank.kill())
  return bank
}

test('passwords are changed as the runbook says, and the bank goes on', async () => {
  const [make, give, count, close, giveOwner, end, ...more] = blocks
  expect(more).toEqual([])
  const postgres = await startTestPostgres()
  onTestFinished(() => postgres.stop())
  const superuser = new Client({ connectionString: postgres.superuserUrl })
  await superuser.connect()
  onTestFinished(() => superuser.end())
  // The embedded superuser's database is another one.
  const bankAsSuperuser = new URL(postgres.superuserUrl)
  bankAsSuperuser.pathname = new URL(postgres.url).pathname
  const client = new Client({ connectionString: bankAsSuperuser.href })
  await client.connect()
  onTestFinished(() => client.end())
  const run = async (text = 'missing') => {
    const filled = Object.entries(passwords).reduce(
      (sql, [name, word]) => sql.replace(name, word),
      text,
    )
    return (await client.query<Record<string, unknown>>(filled)).rows
  }

  const before = sharedBankSettings(postgres)
  const [url, ownerUrl] = [
    urlFor(postgres.url, 'tallystick_b', passwords['<new password>']),
    urlFor(postgres.ownerUrl, 'tallystick_owner', passwords['<new owner password>']),
  ]
  const after = { ...before, DATABASE_URL: url, MIGRATE_ON_START: 'false' }
  const old = await start(before)
  const { accounts } = await seedBank(old.baseUrl, { users: 1, accountsPerUser: 3 })
  const [from, to] = accounts
  if (!from || !to) throw new Error('there are accounts')
  const post = async (bank: BankProcess) => {
    const body = { from_account_id: from.id, to_account_id: to.id, amount: 1, currency: 'EUR' }
    const ask = { token: from.token, idempotencyKey: randomUUID(), body }
    return (await createApi(bank.baseUrl).send('POST', '/v1/transfers', ask)).status
  }

  await run(make)
  await run(give)
  const fresh = await start(after)
  expect([await post(old), await post(fresh)]).toEqual([201, 201])
  expect(await run(count)).not.toEqual([{ count: '0' }])
  expect(await old.stop()).toBe(0)
  await expect.poll(() => run(count)).toEqual([{ count: '0' }])
  await run(close)
  expect(await post(fresh)).toBe(201)
  // A server that nobody thought of cannot start any more.
  const notLetIn = /not permitted to log in|password authentication failed/
  await expect(startBankProcess({ settings: before })).rejects.toThrow(notLetIn)

  await run(giveOwner)
  const settings = { ...after, MIGRATION_DATABASE_URL: ownerUrl }
  await runCommand(['migrate'], { settings })
  await expect(runCommand(['migrate'], { settings: before })).rejects.toThrow(notLetIn)
  expect(await post(fresh)).toBe(201)

  await run(end?.replace("'tallystick'", "'tallystick_b'"))
  // The lines that were cut: what was on them is answered with 503, and the next ones are new.
  await expect.poll(() => post(fresh)).toBe(201)
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})
