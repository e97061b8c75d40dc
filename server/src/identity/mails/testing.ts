/** What tests of mails share: identity on a database of its own, its jobs, and who is mailed to. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect } from 'vitest'
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

export function tokenIn({ text }: ReceivedMail): string {
  const link = /^https:\/\/bank\.example\/pay\/(confirm-email|reset-password)#token=(\S+)$/m
  return link.exec(text)?.[2] ?? 'no link'
}

/** Registers the hooks of a test file; everything is made anew before each test. */
export function useMailWorld() {
  let testDatabase: TestDatabase
  let database: Database
  let identity: Identity
  let app: FastifyInstance & { loggedErrors: unknown[] }
  let smtp: TestSmtpServer
  let runner: JobRunner | undefined
  let unsent: unknown[]
  /** With the code that the server answers to mails to them. */
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

  const confirm = (token: string) => post('/v1/email-confirmations', { token })
  const reset = (token: string, next: string) =>
    post('/v1/password-resets/confirm', { token, password: next })

  /** A user whose address is confirmed; takes the next mail. */
  async function createConfirmed(username: string, email: string): Promise<void> {
    await signUp(username, email)
    const mail = await smtp.mail(smtp.mails.length + 1)
    expect((await confirm(tokenIn(mail))).statusCode).toBe(204)
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

  return {
    /** What the present test has. */
    world: () => ({ app, smtp, unsent, refusedAddresses }),
    query,
    post,
    signUp,
    logIn,
    me,
    changeEmail,
    confirm,
    reset,
    createConfirmed,
    drained,
    expectInvalid,
  }
}
