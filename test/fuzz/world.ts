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
import type { ActorName } from './requests.ts'

export interface FuzzWorld {
  url: string
  /** Lines that the bank logged as errors. */
  errors: readonly string[]
  tokenOf(actor: ActorName): string | undefined
  /** Puts known things in the place of their names. */
  resolve(text: string): string
  /** Remembers the ids that an answer has. */
  learn(answer: string): void
  /** Undoes what the people did to themselves and each other, and logs them in again. */
  restore(): Promise<void>
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
  }
  const bank = createBank(loadConfig({ environment }, { purpose: 'server' }), logger)
  const { apiUrl: url } = await bank.start()
  const owner = new Client({ connectionString: ownerUrl })
  await owner.connect()
  const api = createApi(url)
  const tokens = new Map<ActorName, string>([['broken', 'v4.local.broken']])
  const known = new Map<string, string[]>([['password', [password, password, 'another password']]])
  let freshCount = 0

  function remember(kind: string, value: string): void {
    const values = known.get(kind) ?? []
    if (values.includes(value)) return
    values.push(value)
    if (values.length > knownMax) values.shift()
    known.set(kind, values)
  }

  function learn(answer: string): void {
    for (const [id, kind = ''] of answer.matchAll(/\b([a-z]{2,12})_[0-7][0-9a-z]{25}\b/g)) {
      if (kind !== 'req') remember(kind, id)
    }
    const words = /"(username|email|refresh_token|next_cursor)":"([^"]+)"/g
    for (const [, name = '', value = ''] of answer.matchAll(words)) {
      const kinds: Record<string, string> = { refresh_token: 'refresh', next_cursor: 'cursor' }
      remember(kinds[name] ?? name, value)
    }
  }

  function resolve(text: string): string {
    return text.replaceAll(/§(\w+):(\d+)§/g, (_, kind: string, index: string) => {
      if (kind === 'fresh' || kind === 'key') return `${kind}_${(freshCount += 1)}`
      const values = known.get(kind) ?? []
      return values[Number(index) % values.length] ?? `${kind}_01h455vb4pex5vsknk084sn02q`
    })
  }

  async function logIn(username: Person): Promise<void> {
    const session = await api.call('POST', '/v1/sessions', { body: { username, password } })
    tokens.set(username, api.text(session, 'access_token'))
    learn(JSON.stringify(session))
  }

  async function restore(): Promise<void> {
    for (const username of people) {
      await owner.query(
        `update app_user set status = 'active', roles = $2, password_hash = hash.password_hash
         from fuzz_password hash where app_user.username = $1 and hash.username = $1`,
        [username, ['customer', ...rolesOf[username]]],
      )
      await logIn(username)
    }
  }

  async function arrange(): Promise<void> {
    for (const username of people) {
      const body = { username, password, full_name: username, email: `${username}@example.com` }
      await api.call('POST', '/v1/users', { body })
    }
    await owner.query(`create table fuzz_password as select username, password_hash from app_user`)
    await restore()
    for (const username of ['alice', 'bob'] as const) {
      for (const currency of ['EUR', 'EUR', 'KRW']) {
        const token = tokens.get(username)
        const account = await api.call('POST', '/v1/accounts', { token, body: { currency } })
        learn(JSON.stringify(account))
        await api.call('POST', '/v1/deposits', {
          token: tokens.get('teller'),
          idempotencyKey: `arrange-${api.text(account, 'id')}`,
          body: { account_id: account['id'], amount: 1_000_000, currency },
        })
      }
    }
  }

  async function close(): Promise<void> {
    await owner.end()
    await bank.stop()
  }

  try {
    await arrange()
  } catch (error) {
    await close()
    throw error
  }
  return { url, errors, tokenOf: (actor) => tokens.get(actor), resolve, learn, restore, close }
}
