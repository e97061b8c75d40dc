/**
 * A whole bank on a database of its own, as it is deployed, and people in it: each with an account
 * that has money and a past, two sessions and an API key. They are made beside the API, so that no
 * limit on sign-ups or logins stands in the way of hundreds of them.
 */
import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { pino } from 'pino'
import { createBank } from '../../server/src/app.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import type { Role } from '../../server/src/http/route.ts'
import { createPasswords } from '../../server/src/identity/passwords/passwords.ts'
import { endlessKeyRing } from '../../server/src/identity/tokens/key-ring.ts'
import { createTokenMaker } from '../../server/src/identity/tokens/token-maker.ts'
import { systemClock } from '../../server/src/kernel/clock.ts'
import { createUuidSource, encodeId, type Uuid } from '../../server/src/kernel/ids.ts'
import { auditLedger } from '../../server/src/ledger/ledger.ts'
import { createPostgresLedger } from '../../server/src/ledger/postgres/postgres-ledger.ts'
import { createTestDatabase } from '../support/database.ts'

/** Of everyone. */
export const personPassword = 'a long enough passphrase'

/** Things of one person by their ids in the API. Of nobody, when the person is absent. */
export interface Person {
  username: string
  user: string
  account: string
  /** Their account is a side of it. */
  transfer: string
  /** Not the one that the token is of. */
  session: string
  apiKey: string
  token: string
  /** Places a hold of 1 on their account, for the patron. */
  hold: () => Promise<string>
  /** Is paid 1 by the patron. */
  receive: () => Promise<string>
}

export interface AccessWorld {
  url: string
  person(...roles: Role[]): Promise<Person>
  absent(): Person
  /** What the audit trail has of refusals of access, once it is written. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** The findings of the ledger's auditor. */
  audit(): Promise<readonly unknown[]>
  /** Closes the bank, which writes what it has not yet written. */
  stop(): Promise<void>
  close(): Promise<void>
}

/** `settings` are further ones of the bank. */
export async function createAccessWorld(
  settings: Readonly<Record<string, string>> = {},
): Promise<AccessWorld> {
  const database = await createTestDatabase()
  const key = randomBytes(32)
  const environment = {
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    SERVER_ADDRESS: '127.0.0.1:0',
    METRICS_ADDRESS: '127.0.0.1:0',
    TOKEN_SYMMETRIC_KEY: key.toString('hex'),
    BCRYPT_COST: '4',
    ...settings,
  }
  const config = loadConfig({ environment }, { purpose: 'server' })
  const bank = createBank(config, pino({ level: 'silent' }))
  const { apiUrl } = await bank.start()
  const pool = new Pool({ connectionString: database.ownerUrl, max: 4 })
  const ledger = createPostgresLedger({
    url: database.url,
    namedStatements: true,
    transferAmountMax: 1_000_000,
  })
  const { kind, issuer, audience } = config.tokens
  const ring = endlessKeyRing([key])
  const tokens = createTokenMaker({ kind, issuer, audience, ring, clock: systemClock })
  const newId = createUuidSource()
  const teller = newId()
  const hash = await createPasswords({ cost: 4 }).hash(personPassword)
  let count = 0

  /** Somebody to place holds for and to be paid by. */
  let patron: Promise<{ userId: Uuid; accountId: Uuid }> | undefined
  const findPatron = () => (patron ??= createPatron())
  async function createPatron() {
    const userId = newId()
    return { userId, accountId: (await openWithMoney(userId)).accountId }
  }

  const instruction = (principalId: Uuid) => ({
    principalId,
    authority: 'owner' as const,
    idempotencyKey: { key: newId(), index: 0 },
    requestId: 'arrange',
    amount: 1,
    currency: 'EUR',
  })

  async function hold(ownerId: Uuid, accountId: Uuid): Promise<string> {
    const held = await ledger.hold({
      ...instruction(ownerId),
      kind: 'hold',
      debit: { accountId },
      credit: { accountId: (await findPatron()).accountId },
      expiresInSeconds: 600,
    })
    if (held.kind !== 'held') throw new Error('the hold was not placed')
    return encodeId('hold', held.hold.id)
  }

  async function receive(accountId: Uuid): Promise<string> {
    const payer = await findPatron()
    const posted = await ledger.post({
      ...instruction(payer.userId),
      kind: 'transfer',
      debit: { accountId: payer.accountId },
      credit: { accountId },
      description: null,
      reference: null,
      metadata: null,
    })
    if (posted.kind !== 'posted') throw new Error('the transfer was not posted')
    return encodeId('xfer', posted.transfer.id)
  }

  async function openWithMoney(ownerId: Uuid): Promise<{ accountId: Uuid; transferId: Uuid }> {
    const opened = await ledger.openAccount({
      ownerId,
      currency: 'EUR',
      name: null,
      accountsMax: 10,
      requestId: 'arrange',
      idempotencyKey: null,
    })
    if (opened.kind !== 'opened') throw new Error('the account was not opened')
    const accountId = opened.account.id
    const posted = await ledger.post({
      kind: 'deposit',
      principalId: teller,
      authority: 'staff',
      idempotencyKey: { key: newId(), index: 0 },
      requestId: 'arrange',
      debit: { bankCode: 'cash' },
      credit: { accountId },
      amount: 1000,
      currency: 'EUR',
      description: null,
      reference: null,
      metadata: null,
    })
    if (posted.kind !== 'posted') throw new Error('the deposit was not posted')
    return { accountId, transferId: posted.transfer.id }
  }

  async function insertSession(userId: Uuid): Promise<Uuid> {
    const id = newId()
    const text = `insert into session (id, user_id, expires_at)
      values ($1, $2, bank_now() + interval '1 hour')`
    await pool.query(text, [id, userId])
    return id
  }

  async function person(...roles: Role[]): Promise<Person> {
    count += 1
    const [id, apiKeyId, username] = [newId(), newId(), `person_${count}`]
    const all = [...new Set<Role>(['customer', ...roles])]
    await pool.query(
      `insert into app_user (id, username, full_name, email, password_hash, roles)
        values ($1, $2, 'A Person', $3, $4, $5)`,
      [id, username, `${username}@example.com`, hash, all],
    )
    await pool.query(
      `insert into api_key (id, user_id, created_by, name, key_hash, scopes)
        values ($1, $2, $2, 'a key', $3, '{accounts:read}')`,
      [apiKeyId, id, randomBytes(32)],
    )
    const [current, session] = [await insertSession(id), await insertSession(id)]
    const claims = { userId: id, username, sessionId: current, epoch: 0, durationSeconds: 600 }
    const { accountId, transferId } = await openWithMoney(id)
    return {
      username,
      user: encodeId('user', id),
      account: encodeId('acct', accountId),
      transfer: encodeId('xfer', transferId),
      session: encodeId('sess', session),
      apiKey: encodeId('key', apiKeyId),
      token: tokens.create({ kind: 'access', ...claims }).text,
      hold: () => hold(id, accountId),
      receive: () => receive(accountId),
    }
  }

  return {
    url: apiUrl,
    person,
    absent: () => ({
      username: `nobody_${newId().slice(-12)}`,
      user: encodeId('user', newId()),
      account: encodeId('acct', newId()),
      transfer: encodeId('xfer', newId()),
      session: encodeId('sess', newId()),
      apiKey: encodeId('key', newId()),
      token: '',
      hold: async () => encodeId('hold', newId()),
      receive: async () => encodeId('xfer', newId()),
    }),
    async query<Row extends object>(text: string, values: unknown[] = []) {
      return (await pool.query<Row>(text, values)).rows
    },
    audit: async () => (await auditLedger({ url: database.ownerUrl })).findings,
    stop: () => bank.stop(),
    async close() {
      await bank.stop()
      await ledger.stop()
      await pool.end()
      await database.drop()
    },
  }
}
