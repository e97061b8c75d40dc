/** Sessions as clients see them, on two servers with one database. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { buildTestApp } from '../../http/testing.ts'
import { systemClock } from '../../kernel/clock.ts'
import { createIdentity, type Identity } from '../identity.ts'
import { createKeyRing, endlessKeyRing, type KeyRing } from '../tokens/key-ring.ts'

interface Tokens {
  session_id: string
  access_token: string
  refresh_token: string
}

type App = Awaited<ReturnType<typeof buildTestApp>>

const newKey = () => new Uint8Array(randomBytes(32))
const key = newKey()
let testDatabase: TestDatabase
let owner: Client
const databases: Database[] = []
const rings: KeyRing[] = []
const identities: Identity[] = []
let here: App
let there: App

async function newServer(): Promise<App> {
  const database = createDatabase({
    url: testDatabase.url,
    poolSize: 8,
    applicationName: 'test',
    namedStatements: true,
  })
  databases.push(database)
  const ring = endlessKeyRing([key])
  rings.push(ring)
  const identity = createIdentity({
    database,
    tokens: {
      kind: 'paseto_v4',
      ring,
      accessTokenDurationSeconds: 900,
      refreshTokenDurationSeconds: 86_400,
      issuer: 'tallystick',
      audience: 'tallystick',
    },
    passwordCost: 4,
    clock: systemClock,
  })
  identities.push(identity)
  const { userRoutes, sessionRoutes, authenticate } = identity
  return await buildTestApp({ routes: [userRoutes, sessionRoutes], authenticate })
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
let count = 0

beforeEach(async () => {
  count += 1
  username = `user_${count}`
  const profile = { full_name: 'A User', email: `${username}@example.com` }
  const body = { username, password: 'correct horse', ...profile }
  await here.inject({ method: 'POST', url: '/v1/users', body })
})

async function logIn(app = here, password = 'correct horse'): Promise<Tokens> {
  const response = await app.inject({
    method: 'POST',
    url: '/v1/sessions',
    body: { username, password },
  })
  expect(response.statusCode).toBe(201)
  return response.json<Tokens>()
}

async function refresh(token: string, app = here) {
  const body = { refresh_token: token }
  const response = await app.inject({ method: 'POST', url: '/v1/sessions/refresh', body })
  return { status: response.statusCode, ...response.json<Tokens>() }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function whoAmI(token: string, app = here): Promise<number> {
  return (await app.inject({ url: '/v1/users/me', headers: bearer(token) })).statusCode
}

/** The status of a request with that token on each server. */
async function everywhere(token: string): Promise<number[]> {
  return [await whoAmI(token, here), await whoAmI(token, there)]
}

async function endReason(sessions: Tokens[]): Promise<unknown[]> {
  const text = `select end_reason from session join app_user on app_user.id = user_id
    where username = $1 order by session.id`
  const { rows } = await owner.query<{ end_reason: string | null }>(text, [username])
  expect(rows).toHaveLength(sessions.length)
  return rows.map((row) => row.end_reason)
}

describe('refresh', () => {
  it('rotates: each token gives new ones, on any server, and the session stays the same', async () => {
    const first = await logIn()
    const second = await refresh(first.refresh_token, there)
    const third = await refresh(second.refresh_token, here)
    for (const { status, session_id } of [second, third]) {
      expect([status, session_id]).toEqual([200, first.session_id])
    }
    expect(new Set([first, second, third].map((one) => one.refresh_token)).size).toBe(3)
    for (const { access_token } of [first, second, third]) {
      expect(await everywhere(access_token)).toEqual([200, 200])
    }
  })

  it('50 at once with one token, on two servers, leave one live line', async () => {
    const first = await logIn()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        refresh(first.refresh_token, index % 2 === 0 ? here : there),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    const [successor, ...others] = new Set(answers.map((answer) => answer.refresh_token))
    expect(others).toEqual([])
    expect((await refresh(successor ?? '')).status).toBe(200)
  })

  it('of a spent token ends the session: its tokens count nowhere', async () => {
    const first = await logIn()
    const second = await refresh(first.refresh_token)
    const third = await refresh(second.refresh_token)
    expect((await refresh(first.refresh_token)).status).toBe(401)
    expect((await refresh(third.refresh_token)).status).toBe(401)
    for (const { access_token } of [first, second, third]) {
      expect(await everywhere(access_token)).toEqual([401, 401])
    }
    expect(await endReason([first])).toEqual(['refresh_token_reused'])
  })

  it('of the immediate predecessor ends the session once the grace is over', async () => {
    const first = await logIn()
    const second = await refresh(first.refresh_token)
    await owner.query(`update session set refreshed_at = bank_now() - interval '11 seconds'
      where end_reason is null`)
    expect((await refresh(first.refresh_token)).status).toBe(401)
    expect((await refresh(second.refresh_token)).status).toBe(401)
  })

  it('goes on while the keys change, and ends with the end of the key', async () => {
    const first = await logIn()
    const signing = newKey()
    const [ring] = rings
    ring?.replace({ signing, accepted: [{ key, until: new Date(Date.now() + 60_000) }] })
    expect(await whoAmI(first.access_token)).toBe(200)
    const second = await refresh(first.refresh_token)
    // The successor that the old key makes is another one: the grace finds the one that was given.
    expect(await refresh(first.refresh_token)).toMatchObject({
      status: 200,
      refresh_token: second.refresh_token,
    })
    ring?.replace({ signing, accepted: [] })
    expect([await whoAmI(first.access_token), await whoAmI(second.access_token)]).toEqual([
      401, 200,
    ])
    expect((await refresh(first.refresh_token)).status).toBe(401)
    expect((await refresh(second.refresh_token)).status).toBe(200)
    ring?.replace({ signing: key, accepted: [] })
  })
})

async function remove(path: string, token: string): Promise<void> {
  const url = `/v1/sessions${path}`
  const response = await here.inject({ method: 'DELETE', url, headers: bearer(token) })
  expect(response.statusCode).toBe(204)
}

async function setStatus(status: string): Promise<void> {
  await owner.query('update app_user set status = $1 where username = $2', [status, username])
}

describe('the end of a session is in force on the next request on every server', () => {
  it('after a logout, which leaves the other sessions', async () => {
    const [one, other] = [await logIn(), await logIn(there)]
    expect(await everywhere(one.access_token)).toEqual([200, 200])
    await remove('/current', one.access_token)
    expect(await everywhere(one.access_token)).toEqual([401, 401])
    expect((await refresh(one.refresh_token)).status).toBe(401)
    expect(await everywhere(other.access_token)).toEqual([200, 200])
  })

  it('after the end of another of their sessions, and nobody ends one of somebody else', async () => {
    const [one, other] = [await logIn(), await logIn()]
    const owners = username
    username = 'user_1'
    const stranger = await logIn()
    username = owners
    const url = `/v1/sessions/${other.session_id}`
    const headers = bearer(stranger.access_token)
    expect((await there.inject({ method: 'DELETE', url, headers })).statusCode).toBe(404)
    await remove(`/${other.session_id}`, one.access_token)
    expect(await everywhere(other.access_token)).toEqual([401, 401])
    expect(await everywhere(one.access_token)).toEqual([200, 200])
  })

  it('after a logout everywhere', async () => {
    const all = [await logIn(), await logIn(), await logIn(there)]
    await remove('', all[0]?.access_token ?? '')
    for (const { access_token } of all) expect(await everywhere(access_token)).toEqual([401, 401])
    expect(await endReason(all)).toEqual(Array(3).fill('logged_out'))
  })

  it('after a change of the password, but for the session that made it', async () => {
    const [one, other] = [await logIn(), await logIn()]
    const body = { password: 'another horse', current_password: 'correct horse' }
    const headers = bearer(one.access_token)
    const changed = await here.inject({ method: 'PATCH', url: '/v1/users/me', headers, body })
    expect(changed.statusCode).toBe(200)
    expect(await everywhere(one.access_token)).toEqual([200, 200])
    expect(await everywhere(other.access_token)).toEqual([401, 401])
    expect((await refresh(other.refresh_token)).status).toBe(401)
    expect(await endReason([one, other])).toEqual([null, 'password_changed'])
  })

  it('after the operator set the password', async () => {
    const session = await logIn()
    const password = 'another horse'
    await identities[1]?.administration.setPassword({ username, password })
    expect(await everywhere(session.access_token)).toEqual([401, 401])
    expect((await refresh(session.refresh_token)).status).toBe(401)
    await logIn(here, password)
  })

  it('after the user was disabled, and stays so for tokens from before', async () => {
    const session = await logIn()
    await setStatus('disabled')
    expect(await everywhere(session.access_token)).toEqual([401, 401])
    expect((await refresh(session.refresh_token)).status).toBe(401)
    await setStatus('active')
    expect(await everywhere(session.access_token)).toEqual([401, 401])
  })
})

it('many requests at once of many sessions are each judged by their own', async () => {
  const sessions = await Promise.all(Array.from({ length: 10 }, () => logIn()))
  const [first, ...live] = sessions
  const headers = bearer(first?.access_token ?? '')
  await here.inject({ method: 'DELETE', url: '/v1/sessions/current', headers })
  const asking = [...sessions, ...sessions].map(({ access_token }) => whoAmI(access_token))
  const statuses = await Promise.all(asking)
  const expected = [401, ...Array<number>(live.length).fill(200)]
  expect(statuses).toEqual([...expected, ...expected])
})

it('is unavailable without a database, and lets nobody in', async () => {
  const { access_token: token } = await logIn()
  const ring = createKeyRing({ signing: key, accepted: [] })
  const database = createDatabase({
    url: 'postgres://nobody@127.0.0.1:1/none',
    poolSize: 1,
    applicationName: 'test',
    namedStatements: true,
  })
  const { authenticate, userRoutes } = createIdentity({
    database,
    tokens: {
      kind: 'paseto_v4',
      ring,
      accessTokenDurationSeconds: 900,
      refreshTokenDurationSeconds: 86_400,
      issuer: 'tallystick',
      audience: 'tallystick',
    },
    clock: systemClock,
  })
  const app = await buildTestApp({ routes: [userRoutes], authenticate })
  expect(await whoAmI(token, app)).toBe(503)
  await database.close()
})
