import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import { createUserStore } from '../users/store.ts'
import { createSessionStore } from './store.ts'

const nextId = createUuidSource()
const userId = nextId()
const passwordHash = `$2b$12$${'a'.repeat(53)}`
let testDatabase: TestDatabase
let database: Database
let owner: Client

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({
    url: testDatabase.url,
    poolSize: 2,
    applicationName: 'test',
    namedStatements: true,
  })
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  const profile = { username: 'alice', fullName: 'Alice', email: 'alice@example.com' }
  await createUserStore(database).insert({
    id: userId,
    ...profile,
    passwordHash,
    roles: ['customer'],
  })
})

afterAll(async () => {
  await owner.end()
  await database.close()
  await testDatabase.drop()
})

function newSession() {
  return { id: nextId(), userId, passwordHash, userAgent: null, address: null }
}

async function stored(id: string): Promise<unknown[]> {
  const text = 'select user_id, user_agent, host(address) as address from session where id = $1'
  return (await owner.query<Record<string, unknown>>(text, [id])).rows
}

test('a session is recorded with user, agent and address', async () => {
  const store = createSessionStore(database)
  for (const [userAgent, address] of [
    ['curl/8', '127.0.0.1'],
    ['é'.repeat(512), '2001:db8::1'],
    [null, null],
  ] as const) {
    const session = { ...newSession(), userAgent, address }
    expect(await store.open(session)).toBe(true)
    const row = { user_id: userId, user_agent: userAgent, address }
    expect(await stored(session.id)).toEqual([row])
  }
})

test('none is opened for a password that is no longer theirs, a disabled user or nobody', async () => {
  const store = createSessionStore(database)
  const stale = { ...newSession(), passwordHash: `$2b$12$${'b'.repeat(53)}` }
  const nobody = { ...newSession(), userId: nextId() }
  const disabled = newSession()
  expect([await store.open(stale), await store.open(nobody)]).toEqual([false, false])
  await owner.query(`update app_user set status = 'disabled'`)
  expect(await store.open(disabled)).toBe(false)
  for (const { id } of [stale, nobody, disabled]) expect(await stored(id)).toEqual([])
})
