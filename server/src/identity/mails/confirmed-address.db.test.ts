import { beforeEach, describe, expect, it } from 'vitest'
import type { TestSmtpServer } from '../../../../test/support/smtp.ts'
import { tokenIn, useMailWorld } from './testing.ts'

const {
  world,
  query,
  post,
  signUp,
  logIn,
  me,
  changeEmail,
  confirm,
  createConfirmed,
  drained,
  expectInvalid,
} = useMailWorld()
let smtp: TestSmtpServer

beforeEach(() => {
  ;({ smtp } = world())
})

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
