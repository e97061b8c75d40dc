/** What tests of the second factor share: identity on a database of its own, at a time that is set. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Secret } from 'otpauth'
import { afterEach, beforeEach, expect } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { queryOnce } from '../../../../test/support/query.ts'
import type { AuditEvent } from '../../audit-events/audit-events.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { buildTestApp } from '../../http/testing.ts'
import { createIdentity } from '../identity.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { totpCodeOf } from './totp.ts'

export const password = 'correct horse'
export const stepMilliseconds = 30_000
export const path = '/v1/users/me/second-factor'

type Response = Awaited<ReturnType<FastifyInstance['inject']>>

export const tokenOf = (response: Response) =>
  response.json<{ access_token: string }>().access_token
export const challengeOf = (response: Response) => response.json<{ challenge: string }>().challenge
export const codesOf = (response: Response) =>
  response.json<{ recovery_codes: string[] }>().recovery_codes

export const problemOf = (response: Response) => [
  response.statusCode,
  response.json<{ code: string }>().code,
]

/** Registers the hooks of a test file; everything is made anew before each test. */
export function useSecondFactorWorld() {
  let testDatabase: TestDatabase
  let database: Database
  let app: FastifyInstance & { loggedErrors: unknown[] }
  let now: Date
  let refusals: AuditEvent[]

  beforeEach(async () => {
    testDatabase = await createTestDatabase()
    database = createDatabase({
      url: testDatabase.url,
      poolSize: 4,
      applicationName: 'test',
      namedStatements: true,
    })
    // Tokens are judged by this clock too; challenges by the database's.
    now = new Date()
    refusals = []
    const identity = createIdentity({
      database,
      tokens: {
        kind: 'paseto_v4',
        ring: endlessKeyRing([new Uint8Array(randomBytes(32))]),
        accessTokenDurationSeconds: 86_400,
        refreshTokenDurationSeconds: 86_400,
        issuer: 'My Bank',
        audience: 'tallystick',
      },
      passwordCost: 4,
      auditWriter: { record: (event) => void refusals.push(event) },
      clock: { now: () => new Date(now) },
    })
    const { userRoutes, sessionRoutes, secondFactorRoutes, authenticate } = identity
    app = await buildTestApp({
      routes: [userRoutes, sessionRoutes, secondFactorRoutes],
      authenticate,
    })
  })

  afterEach(async () => {
    // A defect that no test looks for.
    if (app.loggedErrors.length > 0) throw app.loggedErrors[0]
    await app.close()
    await database.close()
    await testDatabase.drop()
  })

  const query = (text: string) => queryOnce<Record<string, unknown>>(testDatabase.ownerUrl, text)

  const post = (url: string, body: object, token?: string) =>
    app.inject({
      method: 'POST',
      url,
      body,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    })

  const logIn = (username = 'alice') => post('/v1/sessions', { username, password })
  const answer = (challenge: string, code: string) =>
    post('/v1/sessions/second-factor', { challenge, code })

  const state = async (token: string) =>
    (await app.inject({ url: path, headers: { authorization: `Bearer ${token}` } })).json<unknown>()

  /** The next code that has not been used. */
  function nextCode(secret: Uint8Array): string {
    now.setTime(now.getTime() + stepMilliseconds)
    return totpCodeOf(secret, now)
  }

  async function signUp(username = 'alice'): Promise<string> {
    const profile = { full_name: 'Any One', email: `${username}@example.com` }
    await post('/v1/users', { username, password, ...profile })
    return tokenOf(await logIn(username))
  }

  async function begin(token: string): Promise<Uint8Array> {
    const begun = await post(path, { current_password: password }, token)
    expect(begun.statusCode).toBe(201)
    const { secret, otpauth_url: url } = begun.json<{ secret: string; otpauth_url: string }>()
    expect(new URL(url).searchParams.get('secret')).toBe(secret)
    return new Uint8Array(Secret.fromBase32(secret).buffer)
  }

  /** A user with a second factor. */
  async function enrol(username = 'alice') {
    const token = await signUp(username)
    const secret = await begin(token)
    const confirmed = await post(`${path}/confirm`, { code: nextCode(secret) }, token)
    expect(confirmed.statusCode).toBe(200)
    return { token, secret, recoveryCodes: codesOf(confirmed) }
  }

  return {
    /** What the present test has; `now` is set on by `nextCode`. */
    world: () => ({ database, now, refusals }),
    query,
    post,
    logIn,
    answer,
    state,
    nextCode,
    signUp,
    begin,
    enrol,
  }
}
