/**
 * The bank that is fuzzed and what is known of it: its people, their tokens, and the ids that its
 * answers had. A real one, that listens, on a database that is thrown away.
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { createBank } from '../../server/src/app.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import { createLogger } from '../../server/src/telemetry/logger.ts'
import { createApi } from '../../tools/api.ts'
import { startSmtpServer } from '../support/smtp.ts'
import type { ActorName } from './requests.ts'
import { createSecondSteps } from './second-steps.ts'

export interface FuzzWorld {
  url: string
  /** Lines that the bank logged as errors. */
  errors: readonly string[]
  tokenOf(actor: ActorName): string | undefined
  /** Puts known things in the place of their names: as often as not what that one has seen. */
  resolve(text: string, actor: ActorName): string
  /** Remembers the ids in an answer to that one. */
  learn(answer: string, actor: ActorName): void
  /**
   * Undoes what was done to people and to accounts that were frozen or limited, and logs them in again: with a token, whom that one belonged to
   * if it is still theirs, without one, all of them.
   */
  restore(token?: string): Promise<void>
  close(): Promise<void>
}

const password = 'correct horse battery'
const rolesOf = {
  alice: [],
  bob: [],
  teller: ['teller'],
  auditor: ['auditor'],
  admin: ['teller', 'auditor', 'admin'],
} as const
type Person = keyof typeof rolesOf
const people = ['alice', 'bob', 'teller', 'auditor', 'admin'] as const satisfies Person[]
const knownMax = 60

export async function openFuzzWorld(databaseUrl: string, ownerUrl: string): Promise<FuzzWorld> {
  const smtp = await startSmtpServer()
  const errors: string[] = []
  const destination = { write: (line: string) => void errors.push(line) }
  const { logger } = createLogger({ level: 'error', format: 'json', destination })
  const environment = {
    DATABASE_URL: databaseUrl,
    MIGRATION_DATABASE_URL: ownerUrl,
    TOKEN_SYMMETRIC_KEY: randomBytes(32).toString('hex'),
    SERVER_ADDRESS: '127.0.0.1:0',
    METRICS_ADDRESS: '127.0.0.1:0',
    BCRYPT_COST: '4',
    RATE_LIMITS: 'false',
    SMTP_URL: smtp.url,
    MAIL_FROM: 'bank@example.com',
  }
  const bank = createBank(loadConfig({ environment }, { purpose: 'server' }), logger)
  const { apiUrl: url } = await bank.start()
  const owner = new Client({ connectionString: ownerUrl })
  await owner.connect()
  const api = createApi(url)
  const secondSteps = createSecondSteps({ api, owner, smtp, password })
  const tokens = new Map<ActorName, string>([['broken', 'v4.local.broken']])
  const known = new Map<string, string[]>([['password', [password, password, 'another password']]])
  let freshCount = 0

  function remember(kind: string, value: string, actor: ActorName): void {
    for (const name of [kind, `${actor} ${kind}`]) {
      const values = known.get(name) ?? []
      if (values.includes(value)) continue
      values.push(value)
      if (values.length > knownMax) values.shift()
      known.set(name, values)
    }
  }

  function learn(answer: string, actor: ActorName): void {
    secondSteps.learn(answer, actor)
    for (const [id, kind = ''] of answer.matchAll(/\b([a-z]{2,12})_[0-7][0-9a-z]{25}\b/g)) {
      if (kind !== 'req') remember(kind, id, actor)
    }
    const words = /"(username|email|refresh_token|next_cursor)":"([^"]+)"/g
    for (const [, name = '', value = ''] of answer.matchAll(words)) {
      const kinds: Record<string, string> = { refresh_token: 'refresh', next_cursor: 'cursor' }
      remember(kinds[name] ?? name, value, actor)
    }
  }

  function resolve(text: string, actor: ActorName): string {
    return text.replaceAll(/§(\w+):(\d+)§/g, (_, kind: string, digits: string) => {
      if (kind === 'fresh' || kind === 'once') return `${kind}_${(freshCount += 1)}`
      const index = Number(digits)
      const second = secondSteps.resolve(kind, index, actor)
      if (second !== undefined) return second
      const own = index % 2 === 0 ? known.get(`${actor} ${kind}`) : undefined
      const values = own ?? known.get(kind) ?? []
      return values[index % values.length] ?? `${kind}_01h455vb4pex5vsknk084sn02q`
    })
  }

  const tokenOfPerson = (name: string) => [...tokens].find(([actor]) => actor === name)?.[1]

  async function restoreOne(username: Person): Promise<void> {
    // Requests go on meanwhile: one of them may undo it before the login.
    for (let tries = 0; tries < 20; tries += 1) {
      for (const table of ['second_factor', 'recovery_code']) {
        const text = `delete from ${table} using app_user
          where app_user.id = ${table}.user_id and app_user.username = $1`
        await owner.query(text, [username])
      }
      await owner.query(
        `update app_user set status = 'active', roles = $2, password_hash = hash.password_hash
         from fuzz_password hash where app_user.username = $1 and hash.username = $1`,
        [username, ['customer', ...rolesOf[username]]],
      )
      const body = { username, password }
      const session = await api.send('POST', '/v1/sessions', { body })
      if (session.status !== 201) continue
      tokens.set(username, api.text(session.body, 'access_token'))
      return learn(JSON.stringify(session.body), username)
    }
    throw new Error(`${username} cannot log in`)
  }

  /** One at a time, or those of two requests that met the same end would undo each other. */
  let restoring: Promise<void> = Promise.resolve()
  function restore(token?: string): Promise<void> {
    restoring = restoring.then(async () => {
      // Locked as the ledger locks them, the lowest id first: otherwise one of the two is undone.
      await owner.query(
        `with changed as (
          select id from account
          where status = 'frozen' or transfer_limit is not null or daily_limit is not null
          order by id for no key update
        )
        update account set status = case status when 'frozen' then 'open' else status end,
          transfer_limit = null, daily_limit = null, spent_since = null, spent = 0
        from changed where account.id = changed.id`,
      )
      for (const username of people) {
        if (token === undefined || tokens.get(username) === token) await restoreOne(username)
      }
      if (token === undefined) await secondSteps.restock(tokenOfPerson)
    })
    return restoring
  }

  async function arrange(): Promise<void> {
    for (const username of people) {
      const body = { username, password, full_name: username, email: `${username}@example.com` }
      await api.call('POST', '/v1/users', { body })
    }
    await secondSteps.arrange()
    await owner.query(`create table fuzz_password as select username, password_hash from app_user`)
    await restore()
    const euros = { alice: '', bob: '' }
    for (const username of ['alice', 'bob'] as const) {
      for (const currency of ['EUR', 'EUR', 'KRW']) {
        const token = tokens.get(username)
        const account = await api.call('POST', '/v1/accounts', { token, body: { currency } })
        learn(JSON.stringify(account), username)
        await api.call('POST', '/v1/deposits', {
          token: tokens.get('teller'),
          idempotencyKey: `arrange-${api.text(account, 'id')}`,
          body: { account_id: account['id'], amount: 1_000_000, currency },
        })
        if (currency !== 'EUR') continue
        euros[username] = api.text(account, 'id')
        remember('euros', euros[username], username)
      }
    }
    await arrangePasts(euros)
  }

  /** What each can capture or release, and what each can give back. */
  async function arrangePasts(euros: { alice: string; bob: string }): Promise<void> {
    for (const [payer, receiver] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ] as const) {
      const token = tokens.get(payer)
      const body = {
        from_account_id: euros[payer],
        to_account_id: euros[receiver],
        amount: 3000,
        currency: 'EUR',
      }
      for (let count = 0; count < 5; count += 1) {
        const ask = { token, body, idempotencyKey: `arrange-${payer}-${count}` }
        learn(JSON.stringify(await api.call('POST', '/v1/holds', ask)), payer)
        const paid = { ...ask, idempotencyKey: `${ask.idempotencyKey}-paid` }
        learn(JSON.stringify(await api.call('POST', '/v1/transfers', paid)), receiver)
      }
    }
  }

  async function close(): Promise<void> {
    await owner.end()
    await bank.stop()
    await smtp.close()
  }

  try {
    await arrange()
  } catch (error) {
    await close()
    throw error
  }
  return { url, errors, tokenOf: (actor) => tokens.get(actor), resolve, learn, restore, close }
}
