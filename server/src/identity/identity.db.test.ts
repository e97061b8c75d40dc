import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { buildTestApp } from '../http/testing.ts'
import { systemClock } from '../kernel/clock.ts'
import { createIdentity, type Identity } from './identity.ts'
import { endlessKeyRing } from './tokens/key-ring.ts'

const key = new Uint8Array(randomBytes(32))
let testDatabase: TestDatabase
let dataDirectory: string
const databases: Database[] = []

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  dataDirectory = await mkdtemp(join(tmpdir(), 'tallystick-identity-'))
})

afterEach(async () => {
  await Promise.all(databases.splice(0).map((database) => database.close()))
  await testDatabase.drop()
  await rm(dataDirectory, { recursive: true })
})

/** Identity as one server has it. */
function newServer(ring = endlessKeyRing([key])): Identity {
  const database = createDatabase({
    url: testDatabase.url,
    poolSize: 4,
    applicationName: 'test',
    namedStatements: true,
  })
  databases.push(database)
  const durations = { accessTokenDurationSeconds: 60, refreshTokenDurationSeconds: 3600 }
  const names = { issuer: 'tallystick', audience: 'tallystick' }
  return createIdentity({
    database,
    tokens: { kind: 'paseto_v4', ring, ...durations, ...names },
    passwordCost: 4,
    clock: systemClock,
  })
}

async function appOf(identity: Identity) {
  const { userRoutes, sessionRoutes, authenticate } = identity
  return await buildTestApp({ routes: [userRoutes, sessionRoutes], authenticate })
}

async function logIn(identity: Identity, username: string, password: string) {
  const app = await appOf(identity)
  return await app.inject({ method: 'POST', url: '/v1/sessions', body: { username, password } })
}

async function refresh(app: Awaited<ReturnType<typeof appOf>>, refreshToken: string) {
  const body = { refresh_token: refreshToken }
  return await app.inject({ method: 'POST', url: '/v1/sessions/refresh', body })
}

async function query(text: string): Promise<unknown[]> {
  const owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  try {
    return (await owner.query<Record<string, unknown>>(text)).rows
  } finally {
    await owner.end()
  }
}

describe('the first admin', () => {
  const configured = { kind: 'configured', username: 'Root', password: 'correct horse' } as const

  it('as configured can log in and has all roles', async () => {
    const identity = newServer()
    expect(await identity.bootstrap(configured)).toEqual({ kind: 'created', username: 'root' })
    const response = await logIn(identity, 'root', 'correct horse')
    const roles = ['customer', 'teller', 'auditor', 'admin']
    expect(response.json()).toMatchObject({ user: { username: 'root', roles } })
  })

  it('is made once, by servers that start at once and by later starts', async () => {
    const servers = [newServer(), newServer(), newServer()]
    const names = ['root_a', 'root_b', 'root_c']
    const outcomes = await Promise.all(
      servers.map((server, index) =>
        server.bootstrap({ ...configured, username: names[index] ?? '' }),
      ),
    )
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
      'admin_exists',
      'admin_exists',
      'created',
    ])
    expect(await newServer().bootstrap(configured)).toEqual({ kind: 'admin_exists' })
    expect(await query('select username from app_user')).toHaveLength(1)
  })

  it('is nobody who signed up under that name', async () => {
    const identity = newServer()
    const profile = { fullName: 'Mallory', email: 'm@example.com', roles: [] }
    await identity.administration.createUser({
      username: 'root',
      password: 'x'.repeat(8),
      ...profile,
    })
    const outcome = await identity.bootstrap(configured)
    expect(outcome).toEqual({ kind: 'username_taken', username: 'root' })
    expect(await query('select username, roles from app_user')).toEqual([
      { username: 'root', roles: ['customer'] },
    ])
  })

  it('with a name or password that is none is not made', async () => {
    const identity = newServer()
    for (const changes of [{ username: 'no one' }, { password: 'short' }]) {
      const outcome = await identity.bootstrap({ ...configured, ...changes })
      expect(outcome).toMatchObject({
        kind: 'invalid',
        detail: expect.not.stringContaining('short'),
      })
    }
    expect(await query('select from app_user')).toEqual([])
  })

  it('is not made when nobody asks', async () => {
    expect(await newServer().bootstrap({ kind: 'none' })).toEqual({ kind: 'not_requested' })
    expect(await query('select from app_user')).toEqual([])
  })

  it('of the embedded default has a random password in a file of its owner', async () => {
    const identity = newServer()
    const outcome = await identity.bootstrap({ kind: 'generated', dataDirectory })
    const file = join(dataDirectory, 'first-admin.txt')
    const text = await readFile(file, 'utf8')
    const password = /^password: (\S{20})$/m.exec(text)?.[1] ?? ''
    expect(outcome).toEqual({ kind: 'created_with_password', username: 'admin', password, file })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await logIn(identity, 'admin', password)).statusCode).toBe(201)
    expect(await readdir(dataDirectory)).toEqual(['first-admin.txt'])

    expect(await newServer().bootstrap({ kind: 'generated', dataDirectory })).toEqual({
      kind: 'admin_exists',
    })
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})

describe('administration', () => {
  const bob = {
    username: 'Bob',
    password: 'correct horse',
    fullName: 'Bob',
    email: 'bob@example.com',
  }

  it('makes users with roles, who can log in', async () => {
    const identity = newServer()
    const outcome = await identity.administration.createUser({ ...bob, roles: ['teller'] })
    const user = { username: 'bob', roles: ['customer', 'teller'] }
    expect(outcome).toMatchObject({ ok: true, user })
    expect((await logIn(identity, 'BOB', 'correct horse')).statusCode).toBe(201)
    const again = await identity.administration.createUser({ ...bob, roles: [] })
    expect(again).toMatchObject({ ok: false, code: 'username_taken' })
  })

  it('says what is wrong with what was typed, without a password', async () => {
    const { administration } = newServer()
    for (const changes of [
      { username: 'b' },
      { password: 'short' },
      { password: 'x'.repeat(73) },
      { fullName: '' },
      { email: 'bob' },
      { roles: ['owner'] },
    ]) {
      const outcome = await administration.createUser({ ...bob, roles: [], ...changes })
      expect(outcome).toMatchObject({ ok: false, code: 'invalid' })
      expect(JSON.stringify(outcome)).not.toContain('short')
    }
    expect(await query('select from app_user')).toEqual([])
  })

  it('grants a role: tokens from before count no more at the next request, new ones have it', async () => {
    const identity = newServer()
    await identity.administration.createUser({ ...bob, roles: [] })
    const app = await appOf(identity)
    const login = await logIn(identity, 'bob', 'correct horse')
    const tokens = login.json<{ access_token: string; refresh_token: string }>()
    const listUsers = async (token: string) =>
      (await app.inject({ url: '/v1/users', headers: { authorization: `Bearer ${token}` } }))
        .statusCode
    expect(await listUsers(tokens.access_token)).toBe(403)
    await newServer().administration.grantRole({ username: 'Bob', role: 'auditor' })
    expect(await listUsers(tokens.access_token)).toBe(401)
    const refreshed = await refresh(app, tokens.refresh_token)
    expect(refreshed.statusCode).toBe(200)
    const { access_token: token } = refreshed.json<{ access_token: string }>()
    expect(await listUsers(token)).toBe(200)
    await query(`update app_user set status = 'disabled'`)
    expect(await listUsers(token)).toBe(401)
  })

  it('gives and takes roles, disables and enables, and leaves the last admin', async () => {
    const { administration } = newServer()
    await administration.createUser({ ...bob, roles: ['admin'] })
    const username = 'Bob'
    const roles = ['customer', 'teller', 'admin']
    expect(await administration.grantRole({ username, role: 'teller' })).toMatchObject({
      ok: true,
      user: { roles },
    })
    for (const refused of [
      await administration.revokeRole({ username, role: 'admin' }),
      await administration.disable({ username }),
    ]) {
      expect(refused).toMatchObject({ ok: false, code: 'last_admin' })
    }
    for (const role of ['customer', 'owner']) {
      expect(await administration.grantRole({ username, role })).toMatchObject({ code: 'invalid' })
      expect(await administration.revokeRole({ username, role })).toMatchObject({ code: 'invalid' })
    }
    const carol = { ...bob, username: 'carol', roles: ['admin'] }
    await administration.createUser(carol)
    await administration.revokeRole({ username, role: 'admin' })
    await administration.disable({ username })
    expect(await administration.enable({ username })).toMatchObject({
      ok: true,
      user: { roles: ['customer', 'teller'], status: 'active' },
    })
    const events = await query(`select kind, origin, actor_id, facts from audit_event order by id`)
    const byOperator = { origin: 'command', actor_id: null }
    expect(events).toEqual([
      { ...byOperator, kind: 'user.created', facts: { roles: 'customer,admin' } },
      { ...byOperator, kind: 'user.role_granted', facts: { role: 'teller' } },
      { ...byOperator, kind: 'user.created', facts: { roles: 'customer,admin' } },
      { ...byOperator, kind: 'user.role_revoked', facts: { role: 'admin' } },
      { ...byOperator, kind: 'user.disabled', facts: {} },
      { ...byOperator, kind: 'user.enabled', facts: {} },
    ])
  })

  it('sets a password, and the old one no longer counts', async () => {
    const identity = newServer()
    await identity.administration.createUser({ ...bob, roles: [] })
    const outcome = await identity.administration.setPassword({
      username: 'bob',
      password: 'new password',
    })
    expect(outcome).toMatchObject({ ok: true })
    expect((await logIn(identity, 'bob', 'correct horse')).statusCode).toBe(401)
    expect((await logIn(identity, 'bob', 'new password')).statusCode).toBe(201)
  })

  it('finds nobody under an unknown name and no role of an unknown one', async () => {
    const { administration } = newServer()
    for (const username of ['nobody', 'no body']) {
      const granted = await administration.grantRole({ username, role: 'teller' })
      const set = await administration.setPassword({ username, password: 'correct horse' })
      expect([granted, set]).toMatchObject([{ code: 'user_not_found' }, { code: 'user_not_found' }])
    }
    const unknown = await administration.grantRole({ username: 'nobody', role: 'owner' })
    expect(unknown).toMatchObject({ code: 'invalid' })
  })
})

describe('a customer', () => {
  it('signs up, logs in, reads and changes themselves, and the password they had no longer counts', async () => {
    const identity = newServer()
    const app = await appOf(identity)
    const profile = { full_name: 'Alice Adams', email: 'alice@example.com' }
    const signUp = { username: 'Alice', password: 'correct horse', ...profile }
    expect((await app.inject({ method: 'POST', url: '/v1/users', body: signUp })).statusCode).toBe(
      201,
    )
    const duplicate = await app.inject({ method: 'POST', url: '/v1/users', body: signUp })
    expect(duplicate.json()).toMatchObject({ status: 409, code: 'username_taken' })

    const login = await logIn(identity, 'alice', 'correct horse')
    const token = login.json<{ access_token: string }>().access_token
    const me = { url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } }
    expect((await app.inject(me)).json()).toMatchObject({ username: 'alice', ...profile })

    const change = { password: 'another horse', current_password: 'correct horse' }
    const body = { full_name: 'Alice B', ...change }
    const changed = await app.inject({ ...me, method: 'PATCH', body })
    expect(changed.json()).toMatchObject({ full_name: 'Alice B', email: profile.email })
    expect((await logIn(identity, 'alice', 'correct horse')).statusCode).toBe(401)
    expect((await logIn(identity, 'alice', 'another horse')).statusCode).toBe(201)
    expect(await query('select user_agent, host(address) as address from session')).toEqual([
      { user_agent: 'lightMyRequest', address: '127.0.0.1' },
      { user_agent: 'lightMyRequest', address: '127.0.0.1' },
    ])
  })
})
