import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { queryOnce } from '../../../../test/support/query.ts'
import {
  startSmtpServer,
  type ReceivedMail,
  type TestSmtpServer,
} from '../../../../test/support/smtp.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { buildTestApp } from '../../http/testing.ts'
import { createJobRunner, type JobRunner } from '../../jobs/jobs.ts'
import { systemClock } from '../../kernel/clock.ts'
import { createMailTransport } from '../../mail/mail.ts'
import { createIdentity, type Identity } from '../identity.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'

const password = 'correct horse'
let testDatabase: TestDatabase
let database: Database
let identity: Identity
let app: FastifyInstance & { loggedErrors: unknown[] }
let smtp: TestSmtpServer
let runner: JobRunner | undefined
let unsent: unknown[]
let refusedAddresses: Map<string, number>

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({
    url: testDatabase.url,
    poolSize: 4,
    applicationName: 'test',
    namedStatements: true,
  })
  identity = createIdentity({
    database,
    tokens: {
      kind: 'paseto_v4',
      ring: endlessKeyRing([new Uint8Array(randomBytes(32))]),
      accessTokenDurationSeconds: 60,
      refreshTokenDurationSeconds: 3600,
      issuer: 'tallystick',
      audience: 'tallystick',
    },
    passwordCost: 4,
    clock: systemClock,
  })
  const { userRoutes, sessionRoutes, mailRoutes, authenticate } = identity
  app = await buildTestApp({ routes: [userRoutes, sessionRoutes, ...mailRoutes], authenticate })
  refusedAddresses = new Map()
  smtp = await startSmtpServer({
    onRcptTo({ address }, _session, callback) {
      const responseCode = refusedAddresses.get(address)
      callback(responseCode ? Object.assign(new Error('no'), { responseCode }) : undefined)
    },
  })
  unsent = []
  runner = createRunner()
  runner.start()
})

afterEach(async () => {
  await runner?.stop()
  await smtp.close()
  // A defect that no test looks for.
  if (app.loggedErrors.length > 0) throw app.loggedErrors[0]
  await app.close()
  await database.close()
  await testDatabase.drop()
})

function createRunner(): JobRunner {
  const transport = createMailTransport(
    { kind: 'smtp', url: smtp.url, from: 'bank@example.com' },
    () => undefined,
  )
  return createJobRunner({
    url: testDatabase.url,
    namedStatements: true,
    database,
    tasks: identity.createMailTasks({
      transport,
      publicUrl: 'https://bank.example/pay',
      onUnsent: (facts) => unsent.push(facts),
    }),
    onOutcome: () => undefined,
    onError: () => undefined,
  })
}

const query = (text: string) => queryOnce<Record<string, unknown>>(testDatabase.ownerUrl, text)

const post = (url: string, body: object, token?: string) =>
  app.inject({
    method: 'POST',
    url,
    body,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  })

const signUp = (username: string, email: string) =>
  post('/v1/users', { username, email, password, full_name: 'Any One' })

async function logIn(username: string, secret = password) {
  const response = await post('/v1/sessions', { username, password: secret })
  const { access_token: token } = response.json<{ access_token: string }>()
  return { status: response.statusCode, token }
}

const me = (token: string) =>
  app.inject({ url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } })

const changeEmail = (token: string, email: string) =>
  app.inject({
    method: 'PATCH',
    url: '/v1/users/me',
    headers: { authorization: `Bearer ${token}` },
    body: { email },
  })

function tokenIn({ text }: ReceivedMail): string {
  const link = /^https:\/\/bank\.example\/pay\/(confirm-email|reset-password)#token=(\S+)$/m
  return link.exec(text)?.[2] ?? 'no link'
}

const confirm = (token: string) => post('/v1/email-confirmations', { token })
const reset = (token: string, next: string) =>
  post('/v1/password-resets/confirm', { token, password: next })

/** A user whose address is confirmed; takes the next mail. */
async function createConfirmed(username: string, email: string): Promise<void> {
  await signUp(username, email)
  const mail = await smtp.mail(smtp.mails.length + 1)
  expect((await confirm(tokenIn(mail))).statusCode).toBe(204)
}

async function resetTokenOfAlice(): Promise<string> {
  await post('/v1/password-resets', { email: 'alice@example.com' })
  return tokenIn(await smtp.mail(smtp.mails.length + 1))
}

/** Resolves when the queue is empty, with the number of mails sent so far. */
async function drained(): Promise<number> {
  while ((await query('select id from graphile_worker.jobs')).length > 0);
  await runner?.stop()
  runner = undefined
  return smtp.mails.length
}

const expectInvalid = (response: Awaited<ReturnType<typeof post>>) =>
  expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([
    422,
    'mail_token_invalid',
  ])

describe('an address', () => {
  it('is confirmed with the link that is mailed to it at sign-up, once', async () => {
    const response = await signUp('alice', 'Alice@example.com')
    expect(response.json()).toMatchObject({ email_verified: false })
    const mail = await smtp.mail(1)
    expect(mail).toMatchObject({ to: ['Alice@example.com'], from: 'bank@example.com' })
    const token = tokenIn(mail)
    expect((await confirm(token)).statusCode).toBe(204)
    const login = await logIn('alice')
    expect((await me(login.token)).json()).toMatchObject({ email_verified: true })
    expectInvalid(await confirm(token))
    expect(await query(`select kind from audit_event where kind like 'user.email%'`)).toEqual([
      { kind: 'user.email_verified' },
    ])
  })

  it('is not confirmed by a token that is made up, too old, of another purpose or of another address', async () => {
    await createConfirmed('bob', 'bob@example.com')
    await post('/v1/password-resets', { email: 'bob@example.com' })
    expectInvalid(await confirm(tokenIn(await smtp.mail(2))))
    expectInvalid(await confirm('A'.repeat(43)))

    await signUp('alice', 'alice@example.com')
    const token = tokenIn(await smtp.mail(3))
    await query(
      `update mail_token set expires_at = bank_now() where purpose = 'email_confirmation'`,
    )
    expectInvalid(await confirm(token))

    const login = await logIn('alice')
    await post('/v1/users/me/email-confirmations', {}, login.token)
    const fresh = tokenIn(await smtp.mail(4))
    await changeEmail(login.token, 'alice@example.org')
    expectInvalid(await confirm(fresh))
    expect((await confirm('short')).json()).toMatchObject({ code: 'validation_failed' })
  })

  it('stands in the database nowhere with its token', async () => {
    await signUp('alice', 'alice@example.com')
    const token = tokenIn(await smtp.mail(1))
    const rows = await query(`select encode(hash, 'hex') as hash, m::text as row from mail_token m`)
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(await query('select payload from graphile_worker._private_jobs')).toEqual([])
  })

  it('is mailed again on request, and using one link makes the others void', async () => {
    await signUp('alice', 'alice@example.com')
    const first = tokenIn(await smtp.mail(1))
    const login = await logIn('alice')
    const again = await post('/v1/users/me/email-confirmations', {}, login.token)
    expect([again.statusCode, again.body]).toEqual([202, ''])
    const second = tokenIn(await smtp.mail(2))
    expect((await confirm(second)).statusCode).toBe(204)
    expectInvalid(await confirm(first))
    await post('/v1/users/me/email-confirmations', {}, login.token)
    expect(await drained()).toBe(2)
  })

  it('that is another one than before is confirmed anew, and the holder of the old one is told', async () => {
    await createConfirmed('alice', 'alice@example.com')
    const login = await logIn('alice')
    const changed = await changeEmail(login.token, 'alice@example.org')
    expect(changed.json()).toMatchObject({ email: 'alice@example.org', email_verified: false })
    await smtp.mail(3)
    const [, ...mails] = smtp.mails
    const old = mails.find(({ to }) => to[0] === 'alice@example.com')
    const fresh = mails.find(({ to }) => to[0] === 'alice@example.org')
    expect(old?.text).toContain('has another e-mail address')
    expect(
      (await confirm(tokenIn(fresh ?? { to: [], from: '', subject: '', text: '' }))).statusCode,
    ).toBe(204)
    expect(
      await query(`select kind from audit_event where kind = 'user.email_changed'`),
    ).toHaveLength(1)
  })

  it('that is somebody’s gives the same 201 at sign-up, and its holder gets the mail', async () => {
    await createConfirmed('alice', 'alice@example.com')
    const known = await signUp('mallory', 'ALICE@example.com')
    const unknown = await signUp('trudy', 'trudy@example.com')
    const shape = (response: typeof known) => {
      const { id, username, email, created_at, ...rest } = response.json<Record<string, unknown>>()
      return [
        response.statusCode,
        typeof id,
        typeof username,
        typeof email,
        typeof created_at,
        rest,
      ]
    }
    expect(shape(known)).toEqual(shape(unknown))
    await smtp.mail(3)
    const mail = smtp.mails.find(({ subject }) => subject === 'You are a customer already')
    expect(mail).toMatchObject({
      to: ['alice@example.com'],
      text: expect.stringContaining('username is alice'),
    })
    expect(mail?.text).not.toContain('mallory')
    expect(await query('select count(*)::int as n from app_user where email_verified')).toEqual([
      { n: 1 },
    ])
  })

  it('that two gave belongs to the first who confirms it', async () => {
    await signUp('alice', 'shared@example.com')
    await signUp('bob', 'Shared@example.com')
    await smtp.mail(2)
    const tokens = smtp.mails.map(tokenIn)
    const answers = await Promise.all(tokens.map(confirm))
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      204, 409,
    ])
    const loser = answers.find(({ statusCode }) => statusCode === 409)
    expect(loser?.json()).toMatchObject({ code: 'email_taken' })
  })

  it('gets five links in a quarter of an hour, whoever asks for more', async () => {
    for (let index = 0; index < 7; index += 1) {
      // Each is out before the next one is asked for, or they would be one.
      await signUp(`alice_${index}`, 'alice@example.com')
    }
    await smtp.mail(5)
    expect(await drained()).toBe(5)
  })
})

describe('a forgotten password', () => {
  it('is replaced with a mailed link, once, and all sessions end', async () => {
    await createConfirmed('alice', 'alice@example.com')
    const before = await logIn('alice')
    await post('/v1/password-resets', { email: 'ALICE@example.com' })
    const mail = await smtp.mail(2)
    expect(mail.to).toEqual(['alice@example.com'])
    const token = tokenIn(mail)
    const done = await reset(token, 'another horse')
    expect([done.statusCode, done.body]).toEqual([204, ''])
    expect((await me(before.token)).statusCode).toBe(401)
    expect((await logIn('alice')).status).toBe(401)
    expect((await logIn('alice', 'another horse')).status).toBe(201)
    expectInvalid(await reset(token, 'a third horse'))
    expect((await smtp.mail(3)).text).toContain('has a new password')
    expect(
      await query(`select kind from audit_event where kind = 'user.password_reset'`),
    ).toHaveLength(1)
  })

  it('that was asked for is in the audit trail once, also where the mail was tried twice', async () => {
    await createConfirmed('alice', 'alice@example.com')
    refusedAddresses.set('alice@example.com', 451)
    const asked = await post('/v1/password-resets', { email: 'alice@example.com' })
    const text = `select attempts from graphile_worker.jobs where last_error is not null`
    while ((await query(text)).length === 0);
    refusedAddresses.clear()
    await query(`update graphile_worker._private_jobs set run_at = now();
      select pg_notify('jobs:insert', '{}')`)
    await smtp.mail(2)
    await post('/v1/password-resets', { email: 'alice@example.com' })
    await smtp.mail(3)
    await post('/v1/password-resets', { email: 'nobody@example.com' })
    await drained()
    const rows = await query(`select actor_id, subject_id = app_user.id as is_alice, request_id
      from audit_event, app_user where kind = 'user.password_reset_requested' order by audit_event.id`)
    expect(rows).toEqual([
      { actor_id: null, is_alice: true, request_id: asked.headers['request-id'] },
      { actor_id: null, is_alice: true, request_id: expect.any(String) },
    ])
  })

  it('is asked for with the same answer whether the address is known or not, and nobody else is mailed', async () => {
    await createConfirmed('alice', 'alice@example.com')
    await signUp('bob', 'bob@example.com')
    await smtp.mail(2)
    const answers = []
    for (const email of ['alice@example.com', 'bob@example.com', 'nobody@example.com']) {
      const { statusCode, body, headers } = await post('/v1/password-resets', { email })
      answers.push([statusCode, body, Object.keys(headers).toSorted()])
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]?.slice(0, 2)).toEqual([202, ''])
    await smtp.mail(3)
    expect(await drained()).toBe(3)
    expect(smtp.mails[2]?.to).toEqual(['alice@example.com'])
  })

  it('stays when two use the link at once: one of them is too late', async () => {
    await createConfirmed('alice', 'alice@example.com')
    await post('/v1/password-resets', { email: 'alice@example.com' })
    const token = tokenIn(await smtp.mail(2))
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, index) => reset(token, `another horse ${index}`)),
    )
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      204, 422, 422, 422,
    ])
  })

  it('is not replaced with a link that is made up, too old, or older than the password or the address', async () => {
    await createConfirmed('alice', 'alice@example.com')
    expectInvalid(await reset('A'.repeat(43), 'another horse'))
    const old = await resetTokenOfAlice()
    await query(`update mail_token set expires_at = bank_now()`)
    expectInvalid(await reset(old, 'another horse'))
    const beforeChange = await resetTokenOfAlice()
    await query(`update app_user set password_changed_at = bank_now() + interval '1 ms'`)
    expectInvalid(await reset(beforeChange, 'another horse'))
    await query(`update app_user set password_changed_at = bank_now()`)
    const beforeDisabling = await resetTokenOfAlice()
    await query(`update app_user set status = 'disabled'`)
    expectInvalid(await reset(beforeDisabling, 'another horse'))
    await query(`update app_user set status = 'active', email = 'other@example.com'`)
    expectInvalid(await reset(beforeDisabling, 'another horse'))
    expect((await logIn('alice')).status).toBe(201)
  })

  it('is not replaced by one that is none, and the link still counts', async () => {
    await createConfirmed('alice', 'alice@example.com')
    await post('/v1/password-resets', { email: 'alice@example.com' })
    const token = tokenIn(await smtp.mail(2))
    expect((await reset(token, 'short')).json()).toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/password', code: 'too_short' }],
    })
    expect((await reset(token, 'another horse')).statusCode).toBe(204)
  })
})

describe('a mail', () => {
  it('that the server cannot take now is sent later, and one that it never takes is not', async () => {
    refusedAddresses.set('never@example.com', 550)
    refusedAddresses.set('later@example.com', 451)
    await signUp('never', 'never@example.com')
    await signUp('later', 'later@example.com')
    const text = `select attempts from graphile_worker.jobs where last_error is not null`
    while ((await query(text)).length === 0);
    refusedAddresses.clear()
    await query(`update graphile_worker._private_jobs set run_at = now();
      select pg_notify('jobs:insert', '{}')`)
    const mail = await smtp.mail(1)
    expect(mail.to).toEqual(['later@example.com'])
    expect((await confirm(tokenIn(mail))).statusCode).toBe(204)
    expect(await drained()).toBe(1)
    expect(unsent).toEqual([
      { userId: expect.any(String), kind: 'email_confirmation', reason: 'refused' },
    ])
  })

  it('is not sent for a sign-up that is refused', async () => {
    await signUp('alice', 'alice@example.com')
    expect((await signUp('alice', 'other@example.com')).statusCode).toBe(409)
    await smtp.mail(1)
    expect(await drained()).toBe(1)
  })
})

describe('the pages that links lead to', () => {
  it('load nothing from elsewhere and change nothing by being opened', async () => {
    for (const url of ['/confirm-email', '/reset-password']) {
      const page = await app.inject({ url })
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(page.headers['content-security-policy']).toContain("default-src 'none'")
      expect(page.body).toContain('<script src="/mail-links.js" defer></script>')
      expect(page.body).not.toMatch(/https?:|\son\w+=/)
    }
    const script = await app.inject({ url: '/mail-links.js' })
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
  })
})
