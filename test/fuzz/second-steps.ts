/**
 * What a request of the second step needs and no answer has: links that were mailed, codes of an app,
 * challenges of logins. Two people who send no requests keep them in stock: Carol, who has a second
 * factor, and Dave, who forgets his password all the time.
 */
import type { Client } from 'pg'
import { Secret } from 'otpauth'
import { totpCodeOf } from '../../server/src/identity/second-factor/totp.ts'
import type { Api } from '../../tools/api.ts'
import type { TestSmtpServer } from '../support/smtp.ts'

export interface SecondSteps {
  /** What `§kind:index§` stands for when that one sends it; `undefined` for other kinds. */
  resolve(kind: string, index: number, actor: string): string | undefined
  learn(answer: string, actor: string): void
  /** Makes Carol and Dave. */
  arrange(): Promise<void>
  /**
   * A new challenge and a new link, whatever became of the last ones. Alice has begun with a second
   * factor, and Bob has one: both must have none before.
   */
  restock(tokenOf: (person: string) => string | undefined): Promise<void>
}

export interface SecondStepsOptions {
  api: Api
  owner: Client
  smtp: TestSmtpServer
  password: string
}

export function createSecondSteps({ api, owner, smtp, password }: SecondStepsOptions): SecondSteps {
  const secrets = new Map<string, string>()
  let challenge = ''
  let addressCount = 0

  function codeOf(person: string): string {
    const secret = secrets.get(person)
    if (secret === undefined) return '000000'
    return totpCodeOf(new Uint8Array(Secret.fromBase32(secret).buffer), new Date())
  }

  /** The newest first: of the others most were used. */
  function linkAt(index: number): string {
    const texts = smtp.mails.slice(-10).toReversed()
    const links = texts.flatMap(({ text }) => /#token=(\S+)/.exec(text)?.[1] ?? [])
    return links[index % Math.max(1, links.length)] ?? 'none'
  }

  function learn(answer: string, actor: string): void {
    const secret = /"secret":"([A-Z2-7]+)"/.exec(answer)?.[1]
    if (secret !== undefined) secrets.set(actor, secret)
  }

  async function begin(person: string, token: string | undefined): Promise<void> {
    const body = { current_password: password }
    const path = '/v1/users/me/second-factor'
    learn(JSON.stringify((await api.send('POST', path, { token, body })).body), person)
  }

  async function confirm(person: string, token: string | undefined): Promise<void> {
    const body = { code: codeOf(person) }
    await api.send('POST', '/v1/users/me/second-factor/confirm', { token, body })
  }

  return {
    resolve(kind, index, actor) {
      if (kind === 'link') return linkAt(index)
      if (kind === 'challenge') return challenge
      if (kind !== 'totp') return undefined
      return codeOf(index % 2 === 0 && secrets.has(actor) ? actor : 'carol')
    },
    learn,

    async arrange() {
      for (const username of ['carol', 'dave']) {
        const body = { username, password, full_name: username, email: `${username}@example.com` }
        await api.call('POST', '/v1/users', { body })
      }
      const session = await api.call('POST', '/v1/sessions', {
        body: { username: 'carol', password },
      })
      const token = api.text(session, 'access_token')
      await begin('carol', token)
      await confirm('carol', token)
    },

    async restock(tokenOf) {
      addressCount += 1
      const email = `dave${addressCount}@example.com`
      await owner.query(
        `update app_user set status = 'active', password_hash = hash.password_hash
          from fuzz_password hash where app_user.username = hash.username
            and hash.username in ('carol', 'dave')`,
      )
      await owner.query(
        `update app_user set email = $1, email_verified = true where username = 'dave'`,
        [email],
      )
      await fetch(`${api.baseUrl}/v1/password-resets`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email }),
      })
      const login = await api.send('POST', '/v1/sessions', {
        body: { username: 'carol', password },
      })
      if (typeof login.body['challenge'] === 'string') challenge = login.body['challenge']
      await begin('alice', tokenOf('alice'))
      await begin('bob', tokenOf('bob'))
      await confirm('bob', tokenOf('bob'))
      // The code of the present half minute counts once more.
      await owner.query('update second_factor set last_step = 0')
    },
  }
}
