import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
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

const lifetimes = { refreshSeconds: 3600, sessionSeconds: 7200 }
const refreshHash = randomBytes(32)

function newSession() {
  const device = { userAgent: null, address: null, requestId: null }
  return { id: nextId(), userId, passwordHash, refreshHash, lifetimes, ...device }
}

async function openSession(): Promise<Uuid> {
  const session = newSession()
  expect(await createSessionStore(database).open(session)).toBeDefined()
  return session.id
}

async function stored(id: string): Promise<Record<string, unknown>[]> {
  const text = `select user_id, user_agent, host(address) as address, end_reason,
    refresh_generation::int as generation from session where id = $1`
  return (await owner.query<Record<string, unknown>>(text, [id])).rows
}

async function auditKinds(id: string): Promise<unknown[]> {
  const text = 'select kind from audit_event where subject_id = $1 order by id'
  return (await owner.query<{ kind: string }>(text, [id])).rows.map(({ kind }) => kind)
}

function stepOf(sessionId: Uuid, generation = 0, hash = refreshHash) {
  return { sessionId, generation, hash, successorHash: randomBytes(32), lifetimes }
}

test('a session is recorded with user, agent and address, and leaves a row in the audit trail', async () => {
  const store = createSessionStore(database)
  for (const [userAgent, address] of [
    ['curl/8', '127.0.0.1'],
    ['é'.repeat(512), '2001:db8::1'],
    [null, null],
  ] as const) {
    const session = { ...newSession(), userAgent, address }
    const opened = await store.open(session)
    expect(opened).toEqual({ accessEpoch: 0, refreshExpiresAt: expect.any(Date) })
    const row = { user_id: userId, user_agent: userAgent, address, end_reason: null, generation: 0 }
    expect(await stored(session.id)).toEqual([row])
    expect(await auditKinds(session.id)).toEqual(['session.opened'])
  }
})

test('a refresh moves a session on by one, once, and another one sees where it is', async () => {
  const store = createSessionStore(database)
  const step = stepOf(await openSession())
  expect(await store.refresh(step)).toMatchObject({ kind: 'refreshed', user: { id: userId } })
  expect(await store.refresh({ ...step, successorHash: randomBytes(32) })).toMatchObject({
    kind: 'moved_on',
    generation: 1,
    hash: step.successorHash,
    ageMilliseconds: expect.any(Number),
  })
  const next = stepOf(step.sessionId, 1, step.successorHash)
  expect(await store.refresh(next)).toMatchObject({ kind: 'refreshed' })
})

test('a refresh of what is too old, ended, disabled, absent or of another hash is over', async () => {
  const store = createSessionStore(database)
  const [old, ended, other, disabled] = [
    await openSession(),
    await openSession(),
    await openSession(),
    await openSession(),
  ]
  await owner.query('update session set refresh_expires_at = bank_now() where id = $1', [old])
  await store.end({ sessionId: ended, userId, reason: 'logged_out', requestId: null })
  const over = { kind: 'over' }
  expect(await store.refresh(stepOf(old))).toEqual(over)
  expect(await store.refresh(stepOf(ended))).toEqual(over)
  expect(await store.refresh(stepOf(other, 0, randomBytes(32)))).toEqual(over)
  expect(await store.refresh(stepOf(other, 1))).toEqual(over)
  expect(await store.refresh(stepOf(nextId()))).toEqual(over)
  await owner.query(`update app_user set status = 'disabled'`)
  expect(await store.refresh(stepOf(disabled))).toEqual(over)
  await owner.query(`update app_user set status = 'active'`)
  expect(await store.refresh(stepOf(disabled))).toMatchObject({ kind: 'refreshed' })
})

test('a session ends once, for its user only, and its end is in the audit trail', async () => {
  const store = createSessionStore(database)
  const sessionId = await openSession()
  const end = { sessionId, userId, reason: 'logged_out', requestId: 'req_x' } as const
  expect(await store.end({ ...end, userId: nextId() })).toBe(false)
  expect(await store.end(end)).toBe(true)
  expect(await store.end(end)).toBe(false)
  expect(await stored(sessionId)).toMatchObject([{ end_reason: 'logged_out' }])
  expect(await auditKinds(sessionId)).toEqual(['session.opened', 'session.ended'])
})

test('the list has the sessions that still count, newest first', async () => {
  const store = createSessionStore(database)
  await store.endAll({ userId, reason: 'logged_out', requestId: null })
  expect(await store.list({ userId, limit: 10 })).toEqual([])
  const ids = [await openSession(), await openSession(), await openSession(), await openSession()]
  const [first, second, ended, expired] = ids
  await store.end({ sessionId: ended ?? '', userId, reason: 'logged_out', requestId: null })
  await owner.query('update session set expires_at = bank_now() where id = $1', [expired])
  const list = await store.list({ userId, limit: 10 })
  expect(list.map(({ id }) => id)).toEqual([second, first])
  expect(await store.list({ userId, before: second, limit: 1 })).toEqual([list[1]])
  expect(await store.list({ userId: nextId(), limit: 10 })).toEqual([])
})

test('none is opened for a password that is no longer theirs, a disabled user or nobody', async () => {
  const store = createSessionStore(database)
  const stale = { ...newSession(), passwordHash: `$2b$12$${'b'.repeat(53)}` }
  const nobody = { ...newSession(), userId: nextId() }
  const disabled = newSession()
  expect([await store.open(stale), await store.open(nobody)]).toEqual([undefined, undefined])
  await owner.query(`update app_user set status = 'disabled'`)
  expect(await store.open(disabled)).toBeUndefined()
  await owner.query(`update app_user set status = 'active'`)
  for (const { id } of [stale, nobody, disabled]) expect(await stored(id)).toEqual([])
})

test('a login that waits for a change of the password opens no session for the old one', async () => {
  const store = createSessionStore(database)
  const session = newSession()
  await owner.query('begin')
  await owner.query('update app_user set password_hash = $1', [`$2b$12$${'c'.repeat(53)}`])
  const opening = store.open(session)
  await expect.poll(countWaiting, { timeout: 10_000 }).toBe(1)
  await owner.query('commit')
  expect(await opening).toBeUndefined()
  await owner.query('update app_user set password_hash = $1', [passwordHash])
})

async function countWaiting(): Promise<number> {
  const text = `select from pg_locks where not granted and pid in (
    select pid from pg_locks join pg_database on pg_database.oid = database
    where datname = current_database())`
  return (await owner.query(text)).rows.length
}

test('other roles and another status advance the access epoch, and nothing else does', async () => {
  const epoch = async () => {
    const text = 'select access_epoch::int as epoch from app_user where id = $1'
    return (await owner.query<{ epoch: number }>(text, [userId])).rows[0]?.epoch
  }
  const before = (await epoch()) ?? 0
  await owner.query(`update app_user set full_name = 'Alice B', roles = roles, status = status`)
  expect(await epoch()).toBe(before)
  await owner.query(`update app_user set roles = '{customer,teller}'`)
  expect(await epoch()).toBe(before + 1)
  await owner.query(`update app_user set roles = '{teller,customer}'`)
  expect(await epoch()).toBe(before + 1)
  await owner.query(`update app_user set status = 'disabled'`)
  await owner.query(`update app_user set status = 'active'`)
  expect(await epoch()).toBe(before + 3)
  await owner.query(`update app_user set roles = '{customer}'`)
  expect(await epoch()).toBe(before + 4)
})
