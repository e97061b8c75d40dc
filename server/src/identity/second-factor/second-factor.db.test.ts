import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Secret } from 'otpauth'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { queryOnce } from '../../../../test/support/query.ts'
import type { AuditEvent } from '../../audit-events/audit-events.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { buildTestApp } from '../../http/testing.ts'
import { createUserAdministration } from '../administration.ts'
import { createIdentity } from '../identity.ts'
import { createPasswords } from '../passwords/passwords.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { totpCodeOf } from './totp.ts'
import { createVaultStore } from './vault-store.ts'

const password = 'correct horse'
const stepMilliseconds = 30_000
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
    clock: { now: () => now },
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

type Response = Awaited<ReturnType<typeof post>>

const logIn = (username = 'alice') => post('/v1/sessions', { username, password })
const answer = (challenge: string, code: string) =>
  post('/v1/sessions/second-factor', { challenge, code })

const tokenOf = (response: Response) => response.json<{ access_token: string }>().access_token
const challengeOf = (response: Response) => response.json<{ challenge: string }>().challenge
const codesOf = (response: Response) => response.json<{ recovery_codes: string[] }>().recovery_codes

const path = '/v1/users/me/second-factor'
const state = async (token: string) =>
  (await app.inject({ url: path, headers: { authorization: `Bearer ${token}` } })).json<unknown>()

const problemOf = (response: Response) => [
  response.statusCode,
  response.json<{ code: string }>().code,
]

/** The next code that has not been used. */
function nextCode(secret: Uint8Array): string {
  now = new Date(now.getTime() + stepMilliseconds)
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

describe('turning it on', () => {
  it('takes the password and a code of the app, and gives ten recovery codes', async () => {
    const token = await signUp()
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect(problemOf(await post(path, { current_password: 'wrong horse' }, token))).toEqual([
      422,
      'current_password_incorrect',
    ])
    const secret = await begin(token)
    expect(await state(token)).toEqual({ state: 'pending', recovery_codes_left: 0 })
    // Nothing counts yet.
    expect((await logIn()).statusCode).toBe(201)
    expect(
      problemOf(
        await post(`${path}/confirm`, { code: totpCodeOf(new Uint8Array(20), now) }, token),
      ),
    ).toEqual([422, 'second_factor_code_incorrect'])
    const confirmed = await post(`${path}/confirm`, { code: nextCode(secret) }, token)
    expect(codesOf(confirmed)).toHaveLength(10)
    expect(await state(token)).toEqual({ state: 'on', recovery_codes_left: 10 })
    const kinds = await query(
      `select kind from audit_event where kind ~ 'factor|recovery' order by id`,
    )
    expect(kinds).toEqual([{ kind: 'second_factor.added' }, { kind: 'recovery_codes.created' }])
  })

  it('can begin anew until it is confirmed, and then no more', async () => {
    const token = await signUp()
    const first = await begin(token)
    const second = await begin(token)
    expect(problemOf(await post(`${path}/confirm`, { code: nextCode(first) }, token))).toEqual([
      422,
      'second_factor_code_incorrect',
    ])
    await post(`${path}/confirm`, { code: nextCode(second) }, token)
    const again = await post(path, { current_password: password }, token)
    expect(problemOf(again)).toEqual([409, 'second_factor_exists'])
    const confirmedAgain = await post(`${path}/confirm`, { code: nextCode(second) }, token)
    expect(problemOf(confirmedAgain)).toEqual([409, 'second_factor_exists'])
  })

  it('of what was not begun is refused', async () => {
    const token = await signUp()
    const confirmed = await post(`${path}/confirm`, { code: '123456' }, token)
    expect(problemOf(confirmed)).toEqual([409, 'second_factor_not_found'])
    const renewed = await post(`${path}/recovery-codes`, { code: '123456' }, token)
    expect(problemOf(renewed)).toEqual([409, 'second_factor_not_found'])
    const body = { current_password: password, code: '123456' }
    expect(problemOf(await post(`${path}/disable`, body, token))).toEqual([
      409,
      'second_factor_not_found',
    ])
  })

  it('leaves neither the secret nor a recovery code in the database', async () => {
    const { secret, recoveryCodes } = await enrol()
    const rows = JSON.stringify(
      await query('select s::text, r::text from second_factor s, recovery_code r'),
    )
    expect(rows).not.toContain(Buffer.from(secret).toString('hex'))
    for (const code of recoveryCodes) {
      expect(rows).not.toContain(Buffer.from(code).toString('hex'))
      expect(rows).not.toContain(Buffer.from(code.replaceAll('-', '')).toString('hex'))
    }
  })
})

describe('a login', () => {
  it('with a second factor takes two steps', async () => {
    const { secret } = await enrol()
    const first = await logIn()
    expect(first.statusCode).toBe(202)
    expect(Object.keys(first.json<object>()).toSorted()).toEqual([
      'challenge',
      'challenge_expires_at',
    ])
    const second = await answer(challengeOf(first), nextCode(secret))
    expect(second.statusCode).toBe(201)
    expect(second.json()).toMatchObject({
      user: { username: 'alice' },
      session_id: expect.any(String),
    })
    expect(await state(tokenOf(second))).toMatchObject({ state: 'on' })
    expect(problemOf(await answer(challengeOf(first), nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
  })

  it('with a wrong password is refused as ever, and gives no challenge', async () => {
    await enrol()
    const response = await post('/v1/sessions', { username: 'alice', password: 'wrong horse' })
    expect(problemOf(response)).toEqual([401, 'credentials_invalid'])
    expect(await query('select from second_factor_challenge')).toEqual([])
  })

  it('accepts a code once, also when two show it at the same moment', async () => {
    const { secret } = await enrol()
    const challenges = await Promise.all([logIn(), logIn(), logIn()])
    const code = nextCode(secret)
    const answers = await Promise.all(challenges.map((first) => answer(challengeOf(first), code)))
    const statuses = answers.map(({ statusCode }) => statusCode)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 422, 422])
  })

  it('does not accept the code that turned it on, nor one from before the last', async () => {
    const { secret } = await enrol()
    const used = totpCodeOf(secret, now)
    const before = totpCodeOf(secret, new Date(now.getTime() - stepMilliseconds))
    const challenge = challengeOf(await logIn())
    for (const code of [used, before]) {
      expect(problemOf(await answer(challenge, code))).toEqual([
        422,
        'second_factor_code_incorrect',
      ])
    }
    expect((await answer(challenge, nextCode(secret))).statusCode).toBe(201)
  })

  it('has five tries for a challenge, also when all come at once', async () => {
    const { secret } = await enrol()
    const challenge = challengeOf(await logIn())
    const wrong = totpCodeOf(new Uint8Array(20), now)
    const answers = await Promise.all(Array.from({ length: 9 }, () => answer(challenge, wrong)))
    const left = answers
      .filter(({ statusCode }) => statusCode === 422)
      .map((response) => response.json<{ tries_left: number }>().tries_left)
    expect(left.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect(problemOf(await answer(challenge, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
    const kinds = refusals.map(({ kind }) => kind)
    expect(kinds).toEqual(Array.from({ length: 5 }, () => 'second_factor.refused'))
  })

  it('has five minutes for a challenge', async () => {
    const { secret } = await enrol()
    const challenge = challengeOf(await logIn())
    await query('update second_factor_challenge set expires_at = bank_now()')
    expect(problemOf(await answer(challenge, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
  })

  it('is refused in its second step when the password changed or the user was disabled meanwhile', async () => {
    const { secret } = await enrol()
    const challenges = [
      challengeOf(await logIn()),
      challengeOf(await logIn()),
      challengeOf(await logIn()),
    ] as const
    await query(`update app_user set status = 'disabled'`)
    expect(problemOf(await answer(challenges[0], nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
    await query(`update app_user set status = 'active'`)
    // What a login does that raises the cost of a hash is no change of the password.
    await query(`update app_user set password_hash = '$2b$04$' || repeat('a', 53)`)
    expect((await answer(challenges[1], nextCode(secret))).statusCode).toBe(201)
    await query('update app_user set password_changed_at = bank_now()')
    expect(problemOf(await answer(challenges[2], nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
    expect(await query('select from session')).toHaveLength(2)
  })

  it('with the challenge of one user and the code of another one is refused', async () => {
    await enrol('alice')
    const bob = await enrol('bob')
    const challenge = challengeOf(await logIn('alice'))
    const codes = [nextCode(bob.secret), bob.recoveryCodes[0] ?? '']
    for (const code of codes) {
      expect(problemOf(await answer(challenge, code))).toEqual([
        422,
        'second_factor_code_incorrect',
      ])
    }
  })

  it('with what can be no challenge or no code is refused by its form', async () => {
    const challenge = 'A'.repeat(43)
    expect(problemOf(await answer(challenge, '123456'))).toEqual([401, 'challenge_invalid'])
    expect(problemOf(await answer('short', '123456'))).toEqual([400, 'validation_failed'])
    for (const code of ['12345', '1234567', '12345a', '１２３４５６', 'abcd-efgh-jkmn']) {
      expect(problemOf(await answer(challenge, code))).toEqual([400, 'validation_failed'])
    }
  })
})

describe('a recovery code', () => {
  it('stands for a code of the app, once, in any spelling', async () => {
    const { recoveryCodes, token } = await enrol()
    const [first = '', second = ''] = recoveryCodes
    expect((await answer(challengeOf(await logIn()), first)).statusCode).toBe(201)
    expect(await state(token)).toMatchObject({ recovery_codes_left: 9 })
    const again = await answer(challengeOf(await logIn()), first)
    expect(problemOf(again)).toEqual([422, 'second_factor_code_incorrect'])
    const spelled = second.replaceAll('-', '').toUpperCase()
    expect((await answer(challengeOf(await logIn()), spelled)).statusCode).toBe(201)
    const used = await query(`select from audit_event where kind = 'recovery_code.used'`)
    expect(used).toHaveLength(2)
  })

  it('counts no more when there are new ones, which take a code', async () => {
    const { recoveryCodes, token, secret } = await enrol()
    const [first = '', second = ''] = recoveryCodes
    const wrong = await post(`${path}/recovery-codes`, { code: '0000-0000-0000-0000' }, token)
    expect(problemOf(wrong)).toEqual([422, 'second_factor_code_incorrect'])
    const renewed = await post(`${path}/recovery-codes`, { code: nextCode(secret) }, token)
    expect(codesOf(renewed)).toHaveLength(10)
    const old = await answer(challengeOf(await logIn()), first)
    expect(problemOf(old)).toEqual([422, 'second_factor_code_incorrect'])
    const [fresh = ''] = codesOf(renewed)
    const again = await post(`${path}/recovery-codes`, { code: fresh }, token)
    expect(again.statusCode).toBe(200)
    expect(codesOf(again)).not.toContain(second)
  })
})

describe('the data key', () => {
  it('that nobody can open is replaced when no second factor is left, and not before', async () => {
    const { token, secret } = await enrol()
    const store = createVaultStore(database)
    const stored = async () => (await store.read())?.toString('hex')
    const before = await stored()
    const sealed = (await store.read()) ?? Buffer.alloc(0)
    await store.replaceUnused(sealed, Buffer.from('another'))
    expect(await stored()).toBe(before)
    const body = { current_password: password, code: nextCode(secret) }
    expect((await post(`${path}/disable`, body, token)).statusCode).toBe(204)
    await store.replaceUnused(sealed, Buffer.from('another'))
    expect(await stored()).toBe(Buffer.from('another').toString('hex'))
  })
})

describe('turning it off', () => {
  it('is done by the operator for who has lost app and recovery codes', async () => {
    const { token } = await enrol()
    const passwords = createPasswords({ cost: 4 })
    const administration = createUserAdministration({ database, passwords })
    expect(await administration.removeSecondFactor({ username: 'Alice' })).toMatchObject({
      ok: true,
    })
    expect((await logIn()).statusCode).toBe(201)
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect(
      await query(`select origin, actor_id from audit_event where kind = 'second_factor.removed'`),
    ).toEqual([{ origin: 'command', actor_id: null }])
    for (const username of ['Alice', 'nobody', 'no body']) {
      expect(await administration.removeSecondFactor({ username })).toMatchObject({ ok: false })
    }
  })

  it('takes both the password and a code, and a login has one step again', async () => {
    const { token, secret } = await enrol()
    const pending = challengeOf(await logIn())
    const disable = (current: string, code: string) =>
      post(`${path}/disable`, { current_password: current, code }, token)
    const wrongPassword = await disable('wrong horse', nextCode(secret))
    expect(problemOf(wrongPassword)).toEqual([422, 'current_password_incorrect'])
    const wrongCode = await disable(password, totpCodeOf(new Uint8Array(20), now))
    expect(problemOf(wrongCode)).toEqual([422, 'second_factor_code_incorrect'])
    expect(await state(token)).toMatchObject({ state: 'on' })
    expect((await disable(password, nextCode(secret))).statusCode).toBe(204)
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect((await logIn()).statusCode).toBe(201)
    expect(problemOf(await answer(pending, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
    const removed = await query(`select from audit_event where kind = 'second_factor.removed'`)
    expect(removed).toHaveLength(1)
    // And it can be turned on again, with another secret.
    expect(Buffer.from(await begin(token)).equals(Buffer.from(secret))).toBe(false)
  })
})
