import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import { createUserStore, firstAdminLock, type NewUser, type UserStore } from './store.ts'
import type { User } from './user.ts'

const nextId = createUuidSource()
const hash = `$2b$12$${'a'.repeat(53)}`
const otherHash = `$2b$12$${'b'.repeat(53)}`
let testDatabase: TestDatabase
let database: Database
let owner: Client
let store: UserStore

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({
    url: testDatabase.url,
    poolSize: 8,
    applicationName: 'test',
    namedStatements: true,
  })
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  store = createUserStore(database)
})

afterAll(async () => {
  await owner.end()
  await database.close()
  await testDatabase.drop()
})

let count = 0

function newUser(changes: Partial<NewUser> = {}): NewUser {
  count += 1
  const username = `user_${count}`
  const profile = { username, fullName: 'A User', email: `${username}@example.com` }
  return { id: nextId(), ...profile, passwordHash: hash, roles: ['customer'], ...changes }
}

async function inserted(changes: Partial<NewUser> = {}): Promise<User> {
  const user = await store.insert(newUser(changes))
  if (user === 'username_taken') throw new Error('the username is taken')
  return user
}

async function passwordChangedAt({ id }: User): Promise<Date | undefined> {
  const text = 'select password_changed_at from app_user where id = $1'
  const { rows } = await owner.query<{ password_changed_at: Date }>(text, [id])
  return rows[0]?.password_changed_at
}

describe('insert', () => {
  it('gives the user as stored, active and with an address that is not verified', async () => {
    const user = newUser({ fullName: '李小龙' })
    const { passwordHash, ...profile } = user
    const stored = await store.insert(user)
    expect(stored).toEqual({
      ...profile,
      emailVerified: false,
      status: 'active',
      createdAt: expect.any(Date),
    })
    expect(await store.find(user.id)).toEqual(stored)
    const { username } = user
    for (const by of [{ id: user.id }, { username }]) {
      expect(await store.findCredentials(by)).toEqual({ user: stored, passwordHash })
    }
  })

  it('of a name that is taken changes nothing', async () => {
    const { username, ...first } = await inserted()
    expect(await store.insert(newUser({ username }))).toBe('username_taken')
    expect(await store.find(first.id)).toEqual({ username, ...first })
  })

  it('of one name by many at once makes one user', async () => {
    const users = Array.from({ length: 20 }, () => newUser({ username: 'wanted' }))
    const results = await Promise.all(users.map((user) => store.insert(user)))
    expect(results.filter((result) => result === 'username_taken')).toHaveLength(19)
    expect(await store.list({ username: 'wanted', limit: 10 })).toHaveLength(1)
  })

  it('of one id twice is a defect and not a name that is taken', async () => {
    const { id } = await inserted()
    await expect(store.insert(newUser({ id }))).rejects.toMatchObject({ code: '23505' })
  })

  it('of what the rules forbid is refused by the database too', async () => {
    for (const changes of [
      { username: 'Capital' },
      { username: 'no' },
      { fullName: '' },
      { fullName: 'x'.repeat(101) },
      { email: 'x'.repeat(255) },
      { passwordHash: 'plain text' },
      { roles: ['admin'] as const },
    ]) {
      await expect(store.insert(newUser(changes))).rejects.toMatchObject({ code: '23514' })
    }
  })
})

describe('find', () => {
  it('finds nobody under an unknown id or name', async () => {
    expect(await store.find(nextId())).toBeUndefined()
    expect(await store.findCredentials({ id: nextId() })).toBeUndefined()
    expect(await store.findCredentials({ username: 'nobody' })).toBeUndefined()
  })
})

describe('list', () => {
  it('is newest first, pages by id, and finds addresses in any case', async () => {
    const email = 'Shared@Example.com'
    const users = [await inserted({ email }), await inserted({ email: email.toLowerCase() })]
    const newest = users.toReversed()
    expect(await store.list({ email: 'SHARED@example.COM', limit: 10 })).toEqual(newest)
    const page = await store.list({ email, limit: 1 })
    expect(page).toEqual(newest.slice(0, 1))
    expect(await store.list({ email, before: page[0]?.id, limit: 1 })).toEqual(newest.slice(1))
    const [first] = users
    expect(await store.list({ email, username: first?.username, limit: 10 })).toEqual([first])
    expect((await store.list({ limit: 2 })).map(({ id }) => id)).toEqual(newest.map(({ id }) => id))
  })

  it('takes wildcards for what they are', async () => {
    expect(await store.list({ email: '%@example.com', limit: 10 })).toEqual([])
    expect(await store.list({ username: 'user__', limit: 10 })).toEqual([])
  })
})

describe('update', () => {
  it('changes what is given and nothing else', async () => {
    const user = await inserted()
    const fullName = 'Another Name'
    expect(await store.update(user.id, { fullName })).toEqual({ ...user, fullName })
  })

  it('of the address makes it unverified, unless it is the same', async () => {
    const { id, email } = await inserted()
    await owner.query('update app_user set email_verified = true where id = $1', [id])
    expect(await store.update(id, { email })).toMatchObject({ emailVerified: true })
    const changed = { email: 'new@example.com', emailVerified: false }
    expect(await store.update(id, { email: 'new@example.com' })).toMatchObject(changed)
  })

  it('of the password needs the hash before, and notes the time', async () => {
    const user = await inserted()
    await owner.query(`update app_user set password_changed_at = 'epoch' where id = $1`, [user.id])
    const request = { keptSessionId: undefined, requestId: null }
    const password = { before: otherHash, after: hash, ...request }
    expect(await store.update(user.id, { fullName: 'x', password })).toBeUndefined()
    expect(await store.find(user.id)).toEqual(user)
    const right = { before: hash, after: otherHash, ...request }
    expect(await store.update(user.id, { password: right })).toEqual(user)
    expect(await store.findCredentials({ id: user.id })).toMatchObject({ passwordHash: otherHash })
    expect((await passwordChangedAt(user))?.getTime()).toBeGreaterThan(0)
  })

  it('of nobody is nothing', async () => {
    expect(await store.update(nextId(), { fullName: 'x' })).toBeUndefined()
  })
})

describe('replaceHash', () => {
  it('stores the stronger hash of the same password, without a new time', async () => {
    const user = await inserted()
    await owner.query(`update app_user set password_changed_at = 'epoch' where id = $1`, [user.id])
    await store.replaceHash(user.id, { before: otherHash, after: otherHash })
    expect(await store.findCredentials({ id: user.id })).toMatchObject({ passwordHash: hash })
    await store.replaceHash(user.id, { before: hash, after: otherHash })
    expect(await store.findCredentials({ id: user.id })).toMatchObject({ passwordHash: otherHash })
    expect(await passwordChangedAt(user)).toEqual(new Date(0))
  })
})

describe('roles', () => {
  it('of a new user of the staff are in the audit trail, and of a customer are not', async () => {
    const { id } = await inserted({ roles: ['customer', 'teller'], origin: 'command' })
    await inserted()
    const text = `select kind, origin, facts from audit_event
      where subject_id = $1 or kind = 'user.created' and facts ->> 'roles' = 'customer'`
    expect((await owner.query(text, [id])).rows).toEqual([
      { kind: 'user.created', origin: 'command', facts: { roles: 'customer,teller' } },
    ])
    expect(await store.find(id)).toMatchObject({ roles: ['customer', 'teller'] })
  })

  it('and passwords are not given to nobody', async () => {
    expect(await store.setPasswordHash('nobody', hash)).toBeUndefined()
  })
})

describe('searching', () => {
  it('finds by the beginning of a name, by role and by status, all at once', async () => {
    const teller = await inserted({ username: 'searched_a', roles: ['customer', 'teller'] })
    const disabled = await inserted({ username: 'searched_b' })
    await owner.query(`update app_user set status = 'disabled' where id = $1`, [disabled.id])
    const search = { usernamePrefix: 'searched', limit: 10 }
    const idsOf = async (filter: object) =>
      (await store.list({ ...search, ...filter })).map(({ id }) => id)
    expect(await idsOf({})).toEqual([disabled.id, teller.id])
    expect(await idsOf({ before: disabled.id })).toEqual([teller.id])
    expect(await idsOf({ role: 'teller' })).toEqual([teller.id])
    expect(await idsOf({ status: 'disabled' })).toEqual([disabled.id])
    expect(await idsOf({ role: 'teller', status: 'disabled' })).toEqual([])
    // An underscore is no wildcard.
    expect(await idsOf({ usernamePrefix: 'searched_b' })).toEqual([disabled.id])
    expect(await idsOf({ usernamePrefix: 's_arched' })).toEqual([])
  })
})

describe('setPasswordHash', () => {
  it('sets it whatever it was', async () => {
    const user = await inserted()
    expect(await store.setPasswordHash(user.username, otherHash)).toEqual(user)
    expect(await store.findCredentials({ id: user.id })).toMatchObject({ passwordHash: otherHash })
  })
})

describe('insertFirstAdmin', () => {
  it('makes one admin, also when several have seen that there is none', async () => {
    expect(await store.hasAdmin()).toBe(false)
    await owner.query('begin')
    await owner.query('select pg_advisory_xact_lock($1)', [firstAdminLock])
    const inserting = [newAdmin(), newAdmin()].map((user) => store.insertFirstAdmin(user))
    await expect.poll(countWaiting, { timeout: 10_000 }).toBe(2)
    await owner.query('commit')
    const results = await Promise.all(inserting)
    expect(results.filter((result) => result === 'admin_exists')).toHaveLength(1)
    expect(results).toContainEqual(expect.objectContaining({ roles: ['customer', 'admin'] }))
    expect(await store.hasAdmin()).toBe(true)
    expect(await store.insertFirstAdmin(newAdmin())).toBe('admin_exists')
  })
})

function newAdmin(): NewUser {
  return newUser({ roles: ['customer', 'admin'] })
}

async function countWaiting(): Promise<number> {
  const text = `select from pg_locks join pg_database on pg_database.oid = database
    where locktype = 'advisory' and not granted and datname = current_database()`
  return (await owner.query(text)).rows.length
}
