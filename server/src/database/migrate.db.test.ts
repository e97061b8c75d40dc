import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createUnmigratedTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { startTestPostgres } from '../../../test/support/postgres.ts'
import { listMigrations, migrate } from './migrate.ts'

let database: TestDatabase
let lines: string[]
const log = (line: string) => lines.push(line)

beforeEach(async () => {
  database = await createUnmigratedTestDatabase()
  lines = []
})

afterEach(() => database.drop())

async function query<R extends Record<string, unknown>>(url: string, text: string): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(text)).rows
  } finally {
    await client.end()
  }
}

async function recorded(): Promise<unknown[]> {
  const text = 'select name from schema_migration order by id'
  return (await query(database.ownerUrl, text)).map(({ name }) => name)
}

test('migrations are numbered without gaps', async () => {
  const names = await listMigrations()
  expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, index) => index + 1))
})

test('an empty database gets every migration once, and a migrated one nothing', async () => {
  const names = await listMigrations()
  expect(await migrate({ url: database.ownerUrl, log })).toEqual({ applied: names })
  expect(lines).toEqual(names.map((name) => `applied migration ${name}`))
  expect(await migrate({ url: database.ownerUrl, log })).toEqual({ applied: [] })
  expect(await recorded()).toEqual(names)
})

test('eight at once on an empty database, half of them other processes, run each once', async () => {
  const names = await listMigrations()
  const results = await Promise.all([
    ...Array.from({ length: 4 }, () => migrate({ url: database.ownerUrl, log })),
    ...Array.from({ length: 4 }, migrateInProcess),
  ])
  expect(results.flatMap(({ applied }) => applied).toSorted()).toEqual(names)
  expect(await recorded()).toEqual(names)
})

async function migrateInProcess(): Promise<{ applied: string[] }> {
  const program = `
    const { migrate } = await import(${JSON.stringify(new URL('migrate.ts', import.meta.url).href)})
    const done = await migrate({ url: ${JSON.stringify(database.ownerUrl)}, log: () => {} })
    console.log(JSON.stringify(done))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    program,
  ])
  return JSON.parse(stdout)
}

test('whoever finds a migration under way waits for its end and says so', async () => {
  const holder = new Client({ connectionString: database.ownerUrl })
  await holder.connect()
  try {
    await holder.query('select pg_advisory_lock(4982301775061893)')
    const told = Promise.withResolvers<string>()
    const migrating = migrate({ url: database.ownerUrl, log: told.resolve })
    expect(await told.promise).toBe('another process is migrating the database: waiting for it')
    await holder.query('select pg_advisory_unlock_all()')
    expect((await migrating).applied).toEqual(await listMigrations())
  } finally {
    await holder.end()
  }
})

test('a schema that is newer than this program is left as it is', async () => {
  await migrate({ url: database.ownerUrl, log })
  await query(
    database.ownerUrl,
    `insert into schema_migration (name, run_on) values ('9999_from_the_future', '2100-01-01')`,
  )
  expect(await migrate({ url: database.ownerUrl, log })).toEqual({ applied: [] })
  expect((await recorded()).at(-1)).toBe('9999_from_the_future')
})

test('a migration that fails is named, changes nothing and can be tried again', async () => {
  await query(database.ownerUrl, 'create table transfer ()')
  await expect(migrate({ url: database.ownerUrl, log })).rejects.toMatchObject({
    name: 'DatabaseSetupError',
    message: expect.stringMatching(/^migration 0003_ledger failed and changed nothing: .*transfer/),
  })
  expect(await query(database.ownerUrl, `select to_regclass('account') as account`)).toEqual([
    { account: null },
  ])
  await query(database.ownerUrl, 'drop table transfer')
  const { applied } = await migrate({ url: database.ownerUrl, log })
  expect(applied[0]).toBe('0003_ledger')
})

test("the server's login is made a member of the server's role", async () => {
  const postgres = await startTestPostgres()
  try {
    await query(
      postgres.superuserUrl,
      `create role "Odd login" login noinherit password 'secret';
       alter role tallystick_owner createrole;
       revoke tallystick_server from tallystick, tallystick_owner;
       drop role tallystick_server`,
    )
    await migrate({ url: postgres.ownerUrl, serverLogin: 'Odd login', log })
    const url = new URL(postgres.url)
    url.username = 'Odd login'
    url.password = 'secret'
    expect(await query(url.href, 'select from transfer')).toEqual([])
    expect(lines.filter((line) => !line.startsWith('applied'))).toEqual([])
  } finally {
    await postgres.stop()
  }
})

function grant(login: string): string {
  return `grant tallystick_server to "${login}" with inherit true, set true`
}

test('what only a superuser may do is named with the statements that do it', async () => {
  const postgres = await startTestPostgres()
  try {
    await query(postgres.superuserUrl, 'drop role tallystick_server')
    await expect(migrate({ url: postgres.ownerUrl, log })).rejects.toThrow(
      'as a superuser run: create role tallystick_server nologin',
    )
    await query(postgres.superuserUrl, 'create role tallystick_server nologin')
    await migrate({ url: postgres.ownerUrl, serverLogin: 'tallystick', log })
    await migrate({ url: postgres.ownerUrl, log })
    await migrate({ url: postgres.ownerUrl, serverLogin: 'nobody', log })
    expect(lines.filter((line) => !line.startsWith('applied'))).toEqual([
      expect.stringContaining(grant('tallystick')),
      expect.stringContaining(grant('tallystick_owner')),
      expect.stringContaining(grant('nobody')),
    ])
  } finally {
    await postgres.stop()
  }
})
