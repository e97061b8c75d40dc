import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { createDatabase } from './database.ts'
import type { Database } from './database.ts'
import { findServerRole } from './roles.ts'

const immutable = ['transfer', 'idempotency_key', 'audit_event'] as const
const changes = (table: string) => [
  `update ${table} set created_at = created_at`,
  `delete from ${table}`,
  `truncate ${table}`,
]
const cases = immutable.flatMap((table) => changes(table))
const INSUFFICIENT_PRIVILEGE = '42501'
const INTEGRITY_CONSTRAINT_VIOLATION = '23000'

let testDatabase: TestDatabase
let server: Client
let owner: Client
let oneLogin: Database

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  server = new Client({ connectionString: testDatabase.url })
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await Promise.all([server.connect(), owner.connect()])
  oneLogin = createDatabase({
    url: testDatabase.ownerUrl,
    poolSize: 1,
    applicationName: 'test',
    namedStatements: true,
    role: 'tallystick_server',
  })
})

afterAll(async () => {
  await oneLogin.close()
  await Promise.all([server.end(), owner.end()])
  await testDatabase.drop()
})

describe('what is written for good stays', () => {
  test.each(cases)("the server's login has no right to %s", async (text) => {
    await expect(server.query(text)).rejects.toMatchObject({ code: INSUFFICIENT_PRIVILEGE })
  })

  test.each(cases)('the owner is refused by the trigger: %s', async (text) => {
    await expect(owner.query(text)).rejects.toMatchObject({ code: INTEGRITY_CONSTRAINT_VIOLATION })
  })
})

describe('one login for owner and server', () => {
  test('an owner takes on the role of the server', async () => {
    expect(await findServerRole(owner)).toEqual({ role: 'tallystick_server' })
  })

  test('a tx has the rights of the server and no more', async () => {
    for (const text of [...cases, 'create table stray ()', 'drop table transfer']) {
      const refused = oneLogin.transaction((tx) => sql.raw(text).execute(tx))
      await expect(refused).rejects.toMatchObject({ code: INSUFFICIENT_PRIVILEGE })
    }
  })

  test('a tx has the rights that the server needs', async () => {
    const done = oneLogin.transaction(async (tx) => {
      const id = '00000000-0000-7000-8000-000000000001'
      await tx.insertInto('account').values({ id, currency: 'EUR', normal_side: 'debit' }).execute()
      await tx.updateTable('account').set({ version: 1 }).where('id', '=', id).execute()
      return tx.selectFrom('entry').selectAll().execute()
    })
    await expect(done).resolves.toEqual([])
  })
})

test('a login of least rights takes on no role', async () => {
  expect(await findServerRole(server)).toEqual({})
})

test('an owner that cannot give its rights up is warned about', async () => {
  const superuser = new Client({ connectionString: testDatabase.superuserUrl })
  await superuser.connect()
  try {
    // All of it is rolled back, for roles belong to the whole cluster.
    await superuser.query(`begin;
      create role lonely_owner login;
      alter table transfer owner to lonely_owner;
      set local session authorization lonely_owner`)
    expect(await findServerRole(superuser)).toEqual({
      warning: expect.stringContaining('grant tallystick_server to "lonely_owner"'),
    })
  } finally {
    await superuser.end()
  }
})
