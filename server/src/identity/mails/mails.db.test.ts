import { beforeEach, describe, expect, it } from 'vitest'
import type { TestSmtpServer } from '../../../../test/support/smtp.ts'
import type { buildTestApp } from '../../http/testing.ts'
import { tokenIn, useMailWorld } from './testing.ts'

const { world, query, signUp, confirm, drained } = useMailWorld()
let app: Awaited<ReturnType<typeof buildTestApp>>
let smtp: TestSmtpServer
let unsent: unknown[]
let refusedAddresses: Map<string, number>

beforeEach(() => {
  ;({ app, smtp, unsent, refusedAddresses } = world())
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
