/** API keys as programs use them, on two servers with one database. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { buildTestApp } from '../../http/testing.ts'
import { systemClock } from '../../kernel/clock.ts'
import { decodeId, encodeId } from '../../kernel/ids.ts'
import { createIdentity } from '../identity.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { createApiKeyText } from './api-key.ts'
import { createApiKeyStore } from './store.ts'

type App = Awaited<ReturnType<typeof buildTestApp>>

const ring = endlessKeyRing([new Uint8Array(randomBytes(32))])
let testDatabase: TestDatabase
let owner: Client
const databases: Database[] = []
let here: App
let there: App

async function newServer(): Promise<App> {
  const database = createDatabase({
    url: testDatabase.url,
    poolSize: 4,
    applicationName: 'test',
    namedStatements: true,
  })
  databases.push(database)
  const durations = { accessTokenDurationSeconds: 900, refreshTokenDurationSeconds: 86_400 }
  const names = { issuer: 'tallystick', audience: 'tallystick' }
  const { userRoutes, sessionRoutes, apiKeyRoutes, authenticate } = createIdentity({
    database,
    tokens: { kind: 'paseto_v4', ring, ...durations, ...names },
    passwordCost: 4,
    clock: systemClock,
  })
  return await buildTestApp({ routes: [userRoutes, sessionRoutes, apiKeyRoutes], authenticate })
}

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  here = await newServer()
  there = await newServer()
})

afterAll(async () => {
  await owner.end()
  await Promise.all(databases.map((database) => database.close()))
  await testDatabase.drop()
})

let username = ''
let token = ''

beforeEach(async () => {
  username = `user_${randomBytes(4).toString('hex')}`
  token = await signUp(username)
})

async function signUp(name: string): Promise<string> {
  const credentials = { username: name, password: 'correct horse' }
  const body = { ...credentials, full_name: 'A User', email: `${name}@example.com` }
  await here.inject({ method: 'POST', url: '/v1/users', body })
  const login = await here.inject({ method: 'POST', url: '/v1/sessions', body: credentials })
  return login.json<{ access_token: string }>().access_token
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

async function createKey(scopes = ['profile:read'], more = {}) {
  const body = { name: 'test', scopes, ...more }
  const request = { method: 'POST', url: '/v1/api-keys', headers: bearer(token), body } as const
  const response = await here.inject(request)
  expect(response.statusCode).toBe(201)
  return response.json<{ id: string; key: string }>()
}

async function whoAmI(key: string, app = here) {
  return await app.inject({ url: '/v1/users/me', headers: bearer(key) })
}

async function everywhere(key: string): Promise<number[]> {
  return [(await whoAmI(key, here)).statusCode, (await whoAmI(key, there)).statusCode]
}

async function stored(id: string): Promise<Record<string, unknown> | undefined> {
  const text = 'select * from api_key where id = $1'
  const { rows } = await owner.query<Record<string, unknown>>(text, [decodeId('key', id)])
  return rows[0]
}

test('a key acts as its user, within its scopes and never where people are meant', async () => {
  const { key } = await createKey(['profile:read'])
  expect((await whoAmI(key)).json()).toMatchObject({ username })
  const { key: other } = await createKey(['accounts:read'])
  const refused = await whoAmI(other)
  expect(refused.json()).toMatchObject({
    status: 403,
    code: 'scope_required',
    scope: 'profile:read',
  })
  expect(refused.headers['www-authenticate']).toContain('insufficient_scope')
  for (const [method, url] of [
    ['GET', '/v1/api-keys'],
    ['POST', '/v1/api-keys'],
    ['GET', '/v1/sessions'],
    ['DELETE', '/v1/sessions/current'],
    ['PATCH', '/v1/users/me'],
  ] as const) {
    const response = await here.inject({ method, url, headers: bearer(key) })
    expect(response.json()).toMatchObject({ status: 403, code: 'scope_required', scope: null })
  }
})

test('what is stored of a key does not tell it', async () => {
  const { id, key } = await createKey()
  const row = JSON.stringify(await stored(id))
  expect(row).not.toContain(key)
  expect(row).not.toContain(key.slice(40))
})

test('a revoked key counts nowhere from the next request on, and stays in the list', async () => {
  const { id, key } = await createKey()
  expect(await everywhere(key)).toEqual([200, 200])
  const request = { method: 'DELETE', url: `/v1/api-keys/${id}`, headers: bearer(token) } as const
  expect((await there.inject(request)).statusCode).toBe(204)
  expect(await everywhere(key)).toEqual([401, 401])
  expect((await there.inject(request)).statusCode).toBe(204)
  const list = await here.inject({ url: '/v1/api-keys', headers: bearer(token) })
  expect(list.json()).toMatchObject({ data: [{ id, revoked_at: expect.any(String) }] })
  const text = 'select kind from audit_event where subject_id = $1 order by id'
  const { rows } = await owner.query(text, [decodeId('key', id)])
  expect(rows).toEqual([{ kind: 'api_key.created' }, { kind: 'api_key.revoked' }])
})

test('a key counts until it expires and while its user is active', async () => {
  const { id, key } = await createKey(['profile:read'], { expires_in: 60 })
  expect(await everywhere(key)).toEqual([200, 200])
  await owner.query(`update app_user set status = 'disabled' where username = $1`, [username])
  expect(await everywhere(key)).toEqual([401, 401])
  await owner.query(`update app_user set status = 'active' where username = $1`, [username])
  expect(await everywhere(key)).toEqual([200, 200])
  const uuid = decodeId('key', id)
  await owner.query('update api_key set expires_at = bank_now() where id = $1', [uuid])
  expect(await everywhere(key)).toEqual([401, 401])
  expect((await whoAmI(key)).json()).toMatchObject({ code: 'token_invalid' })
})

test("a secret that is wrong, an id that is nobody's and other texts: 401", async () => {
  const { id, key } = await createKey()
  const forged = createApiKeyText(decodeId('key', id) ?? '').text
  const nobody = createApiKeyText('01900000-0000-7000-8000-000000000001').text
  for (const text of [forged, nobody, `${key}=`, key.slice(0, -1), 'tsk_', `tsk_${token}`]) {
    expect((await whoAmI(text)).json()).toMatchObject({ status: 401, code: 'token_invalid' })
  }
})

test("roles are the user's, whatever the scopes of a key", async () => {
  const { key } = await createKey(['profile:read'])
  await owner.query(`update app_user set roles = '{customer,teller}' where username = $1`, [
    username,
  ])
  // Unlike an access token the key goes on: it holds nothing that was said about roles.
  expect((await whoAmI(key)).json()).toMatchObject({ roles: ['customer', 'teller'] })
})

test('the last use is noted, once a minute', async () => {
  const { id, key } = await createKey()
  const lastUse = async () => (await stored(id))?.['last_used_at'] ?? null
  expect(await lastUse()).toBeNull()
  await Promise.all(Array.from({ length: 10 }, () => whoAmI(key)))
  await expect.poll(lastUse, { timeout: 10_000 }).toBeInstanceOf(Date)
  const first = await lastUse()
  expect((await whoAmI(key)).statusCode).toBe(200)
  expect(await lastUse()).toEqual(first)
  const uuid = decodeId('key', id)
  await owner.query(`update api_key set last_used_at = 'epoch' where id = $1`, [uuid])
  await whoAmI(key)
  await expect.poll(lastUse, { timeout: 10_000 }).not.toEqual(new Date(0))
})

test('an admin makes, lists and revokes keys of another user, who can see who did', async () => {
  const adminName = `admin_${randomBytes(4).toString('hex')}`
  await signUp(adminName)
  await owner.query(`update app_user set roles = '{customer,admin}' where username = $1`, [
    adminName,
  ])
  const body = { username: adminName, password: 'correct horse' }
  const login = await here.inject({ method: 'POST', url: '/v1/sessions', body })
  const me = (await whoAmI(token)).json<{ id: string }>()
  const mine = token
  token = login.json<{ access_token: string }>().access_token
  const { id, key } = await createKey(['profile:read'], { user_id: me.id })
  expect((await whoAmI(key)).json()).toMatchObject({ username })
  const url = `/v1/api-keys?user_id=${me.id}`
  const list = await here.inject({ url, headers: bearer(token) })
  expect(list.json()).toMatchObject({ data: [{ id, user_id: me.id }] })
  const own = await here.inject({ url: '/v1/api-keys', headers: bearer(mine) })
  expect(own.json()).toMatchObject({ data: [{ id }] })
  const request = { method: 'DELETE', url: `/v1/api-keys/${id}` } as const
  const stranger = await signUp(`other_${randomBytes(4).toString('hex')}`)
  expect((await here.inject({ ...request, headers: bearer(stranger) })).statusCode).toBe(404)
  expect((await here.inject({ ...request, headers: bearer(token) })).statusCode).toBe(204)
  const user_id = encodeId('user', '01900000-0000-7000-8000-000000000001')
  const absent = { name: 'x', scopes: ['profile:read'], user_id }
  const post = { method: 'POST', url: '/v1/api-keys', headers: bearer(token) } as const
  expect((await here.inject({ ...post, body: absent })).json()).toMatchObject({
    status: 404,
    code: 'user_not_found',
  })
})

test('a user has at most 100 keys that count, also when they are made at once', async () => {
  const me = (await whoAmI(token)).json<{ id: string }>()
  const userId = decodeId('user', me.id) ?? ''
  await owner.query(
    `insert into api_key (id, user_id, created_by, name, key_hash, scopes, revoked_at)
     select gen_random_uuid(), $1, $1, 'filler', sha256('x'), '{profile:read}',
       case when n > 98 then bank_now() end from generate_series(1, 120) n`,
    [userId],
  )
  const [database] = databases
  const store = database && createApiKeyStore(database)
  const results = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const id = crypto.randomUUID()
      const { hash } = createApiKeyText(id)
      const scopes = ['profile:read'] as const
      const by = { userId, createdBy: userId, requestId: 'req_x' }
      return store?.insert({ id, name: 'x', hash, scopes, expiresInSeconds: null, ...by })
    }),
  )
  expect(results.filter((result) => result === 'too_many_api_keys')).toHaveLength(3)
})
