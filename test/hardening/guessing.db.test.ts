/** What strangers can try, on two servers with one database and the limits of a real bank. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/src/config/config.ts'
import { createDatabase, type Database } from '../../server/src/database/database.ts'
import { buildTestApp } from '../../server/src/http/testing.ts'
import { createIdentity } from '../../server/src/identity/identity.ts'
import { endlessKeyRing } from '../../server/src/identity/tokens/key-ring.ts'
import { systemClock } from '../../server/src/kernel/clock.ts'
import { createRateLimits } from '../../server/src/rate-limits/rate-limits.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const environment = {
  RATE_LIMIT_SIGN_UP: '8/1h',
  RATE_LIMIT_LOGIN: '3/1h',
  RATE_LIMIT_LOGIN_ACCOUNT: '9/1h',
  RATE_LIMIT_RESET_ADDRESS: '4/1h',
  RATE_LIMIT_RESET_ACCOUNT: '2/1h',
}
const config = loadConfig({ environment }, { purpose: 'command' })
const password = 'correct horse battery'

let testDatabase: TestDatabase
let databases: Database[]
let apps: Awaited<ReturnType<typeof buildTestApp>>[]
let turn = 0

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { url } = testDatabase
  const open = () =>
    createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
  databases = [open(), open()]
  const ring = endlessKeyRing([randomBytes(32)])
  apps = await Promise.all(databases.map((database) => buildApp(database, ring)))
  await post('/v1/users', signUpBody('alice'), '192.0.2.1')
})

async function buildApp(database: Database, ring: ReturnType<typeof endlessKeyRing>) {
  const identity = createIdentity({
    database,
    tokens: { ...config.tokens, ring },
    passwordCost: 4,
    clock: systemClock,
  })
  const { userRoutes, sessionRoutes, mailRoutes, authenticate } = identity
  const rateLimits = createRateLimits({
    database,
    policies: config.rateLimits,
    onError(error) {
      throw error
    },
  })
  return buildTestApp({
    routes: [userRoutes, sessionRoutes, ...mailRoutes],
    authenticate,
    rateLimits,
  })
}

beforeEach(async () => {
  await databases[0]?.kysely.deleteFrom('rate_limit').execute()
  await databases[0]?.kysely.deleteFrom('known_source').execute()
})

afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()))
  await Promise.all(databases.map((database) => database.close()))
  await testDatabase.drop()
})

/** Sends it to one server after the other. */
async function send(method: 'POST' | 'PATCH', url: string, body: object, options: object) {
  turn += 1
  const app = apps[turn % apps.length]
  if (app === undefined) throw new Error('there are servers')
  return app.inject({ method, url, body, ...options })
}

const post = (url: string, body: object, remoteAddress: string) =>
  send('POST', url, body, { remoteAddress })

const logIn = (remoteAddress: string, typed = password, username = 'alice') =>
  post('/v1/sessions', { username, password: typed }, remoteAddress)

function signUpBody(username: string) {
  return { username, password, full_name: username, email: `${username}@example.com` }
}

async function guess(remoteAddress: string, count: number, username?: string): Promise<number[]> {
  const statuses = []
  for (let index = 0; index < count; index += 1) {
    statuses.push((await logIn(remoteAddress, `guess number ${index}`, username)).statusCode)
  }
  return statuses
}

describe('guessing at a password', () => {
  it('ends after a few tries on all servers, and the right one is refused as well', async () => {
    expect(await guess('198.51.100.1', 5)).toEqual([401, 401, 401, 429, 429])
    const refused = await logIn('198.51.100.1')
    expect(refused.json()).toMatchObject({ status: 429, code: 'rate_limited', limit: 'login' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60)
    expect(refused.headers['ratelimit-policy']).toBe('"login";q=3;w=3600')
  })

  it('does not lock the owner out elsewhere', async () => {
    await guess('198.51.100.1', 20)
    expect((await logIn('192.0.2.1')).statusCode).toBe(201)
  })

  it('from everywhere does not lock the owner out where they have logged in before', async () => {
    expect((await logIn('192.0.2.1')).statusCode).toBe(201)
    for (let host = 1; host <= 4; host += 1) await guess(`198.51.100.${host}`, 3)
    expect((await logIn('203.0.113.1')).statusCode).toBe(429)
    expect((await logIn('192.0.2.1')).statusCode).toBe(201)
  })

  it('is the same for a name that nobody has', async () => {
    const known = await guess('198.51.100.1', 5)
    expect(await guess('198.51.100.1', 5, 'nobody_at_all')).toEqual(known)
  })

  it('over names that cannot be any is limited by address', async () => {
    const statuses = await guess('198.51.100.1', 101, 'no')
    expect([statuses[0], statuses.at(-2), statuses.at(-1)]).toEqual([401, 401, 429])
  })

  it('is the same in capitals', async () => {
    expect(await guess('198.51.100.1', 3, 'ALICE')).toEqual([401, 401, 401])
    expect(await guess('198.51.100.1', 1)).toEqual([429])
  })

  it('logins that are right are not limited', async () => {
    for (let count = 0; count < 12; count += 1) {
      expect((await logIn('192.0.2.1')).statusCode).toBe(201)
    }
  })

  it('with a stolen token, for a new password, ends as soon', async () => {
    const { access_token: token } = (await logIn('192.0.2.1')).json<{ access_token: string }>()
    const change = (current: string) =>
      send(
        'PATCH',
        '/v1/users/me',
        { password, current_password: current },
        { remoteAddress: '198.51.100.1', headers: { authorization: `Bearer ${token}` } },
      )
    const statuses = []
    for (let index = 0; index < 4; index += 1) {
      statuses.push((await change(`guess number ${index}`)).statusCode)
    }
    expect(statuses.at(-1)).toBe(429)
    expect(statuses.slice(0, 3)).not.toContain(200)
    expect((await change(password)).statusCode).toBe(429)
  })
})

it('an address signs so many users up, however many at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      post('/v1/users', signUpBody(`many_${index}`), '198.51.100.9'),
    ),
  )
  const statuses = answers.map(({ statusCode }) => statusCode)
  expect(statuses.filter((status) => status === 201)).toHaveLength(8)
  expect(statuses.filter((status) => status === 429)).toHaveLength(12)
  const elsewhere = await post('/v1/users', signUpBody('elsewhere'), '198.51.100.10')
  expect(elsewhere.statusCode).toBe(201)
})

it('a body that is refused as such uses up no sign-up', async () => {
  for (let count = 0; count < 10; count += 1) {
    expect((await post('/v1/users', {}, '198.51.100.11')).statusCode).toBe(400)
  }
  expect((await post('/v1/users', signUpBody('late'), '198.51.100.11')).statusCode).toBe(201)
})

async function ask(email: string, address: string): Promise<number> {
  return (await post('/v1/password-resets', { email }, address)).statusCode
}

it('resets are limited for each e-mail address and for who asks, known or not', async () => {
  for (const email of ['alice@example.com', 'nobody@example.com']) {
    const statuses = []
    for (let host = 1; host <= 3; host += 1) {
      statuses.push(await ask(host === 2 ? email.toUpperCase() : email, `198.51.100.${host}`))
    }
    expect(statuses).toEqual([202, 202, 429])
  }
  const statuses = []
  for (let index = 0; index < 5; index += 1) {
    statuses.push(await ask(`somebody_${index}@example.com`, '203.0.113.9'))
  }
  expect(statuses).toEqual([202, 202, 202, 202, 429])
})

it('none of this is a defect', () => {
  expect(apps.flatMap(({ loggedErrors }) => loggedErrors)).toEqual([])
})
