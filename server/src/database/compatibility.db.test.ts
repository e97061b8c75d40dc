import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, createUnmigratedTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { assertCompatible } from './compatibility.ts'
import { createDatabase } from './database.ts'
import type { Database } from './database.ts'

let testDatabase: TestDatabase
let database: Database

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  database = open(testDatabase.url)
})

afterEach(async () => {
  await database.close()
  await testDatabase.drop()
})

function open(url: string): Database {
  return createDatabase({ url, poolSize: 1, applicationName: 'test', namedStatements: true })
}

async function asOwner(text: string): Promise<void> {
  const client = new Client({ connectionString: testDatabase.ownerUrl })
  await client.connect()
  await client.query(text)
  await client.end()
}

test('the migrated schema can be used by this version', async () => {
  await expect(assertCompatible(database, '0.1.0')).resolves.toBeUndefined()
})

test.each([
  ['1.10.0', '1.9.9', true],
  ['1.9.0', '1.10.0', false],
  ['2.0.0', '1.99.99', true],
  ['1.2.3', '1.2.3', false],
  ['1.2.3', '1.2.3-rc.1', false],
  ['1.2.3', '1.2.2', true],
])(
  'a schema for %s and newer, a server of %s: refused is %s',
  async (minimum, version, refused) => {
    await asOwner(`update schema_compatibility set min_server_version = '${minimum}'`)
    const outcome = assertCompatible(database, version).then(
      () => false,
      (error: Error) => error.message.includes(minimum) && error.message.includes(version),
    )
    expect(await outcome).toBe(refused)
  },
)

test('a schema that is newer than the server is fine, so old servers survive a rollout', async () => {
  await asOwner(
    `insert into schema_migration (name, run_on) values ('9999_from_the_future', '2100-01-01');
     alter table account add column later text; create table later ()`,
  )
  await expect(assertCompatible(database, '0.1.0')).resolves.toBeUndefined()
})

test('a schema that is older than the server names what is missing and how to get it', async () => {
  await asOwner(`delete from schema_migration where name = '0003_ledger'`)
  await expect(assertCompatible(database, '0.1.0')).rejects.toMatchObject({
    name: 'DatabaseSetupError',
    message: 'the database lacks 0003_ledger: run `tallystick migrate` first',
  })
})

test('a database without a schema says how to get it', async () => {
  const unmigrated = await createUnmigratedTestDatabase()
  const empty = open(unmigrated.url)
  try {
    await expect(assertCompatible(empty, '0.1.0')).rejects.toThrow('run `tallystick migrate`')
  } finally {
    await empty.close()
    await unmigrated.drop()
  }
})

test('a login without rights is told which role it lacks', async () => {
  await asOwner('revoke select on schema_compatibility from tallystick_server')
  await expect(assertCompatible(database, '0.1.0')).rejects.toThrow('the role tallystick_server')
})
