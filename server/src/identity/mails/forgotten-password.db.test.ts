import { beforeEach, describe, expect, it } from 'vitest'
import type { TestSmtpServer } from '../../../../test/support/smtp.ts'
import { tokenIn, useMailWorld } from './testing.ts'

const { world, query, post, signUp, logIn, me, reset, createConfirmed, drained, expectInvalid } =
  useMailWorld()
let smtp: TestSmtpServer
let refusedAddresses: Map<string, number>

beforeEach(() => {
  ;({ smtp, refusedAddresses } = world())
})

async function resetTokenOfAlice(): Promise<string> {
  await post('/v1/password-resets', { email: 'alice@example.com' })
  return tokenIn(await smtp.mail(smtp.mails.length + 1))
}

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
