import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import { createSessionStore } from '../sessions/store.ts'
import { createUserStore } from '../users/store.ts'
import { createCleanup } from './cleanup.ts'
import { createCleanupStore, firstId, keptDays } from './store.ts'

const day = 24 * 60 * 60_000
const passwordHash = `$2b$12$${'a'.repeat(53)}`
const userId = createUuidSource()()
let testDatabase: TestDatabase
let database: Database
let owner: Client

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { url } = testDatabase
  database = createDatabase({ url, poolSize: 2, applicationName: 'test', namedStatements: true })
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  await createUserStore(database).insert({
    id: userId,
    username: 'alice',
    fullName: 'Alice',
    email: 'alice@example.com',
    passwordHash,
    roles: ['customer'],
  })
})

beforeEach(() => owner.query('delete from session'))

afterAll(async () => {
  await owner.end()
  await database.close()
  await testDatabase.drop()
})

/** An id as a server made it that many days ago. */
const idOf = (days: number): Uuid => createUuidSource(() => Date.now() - days * day)()

interface Ages {
  opened: number
  /** Days ago; negative ones are to come. */
  ended?: number
  expired?: number
}

const moment = (days: number | undefined) =>
  days === undefined ? 'null' : `bank_now() - make_interval(secs => ${days * 86_400})`

async function insertSession({ opened, ended, expired }: Ages): Promise<Uuid> {
  const id = idOf(opened)
  await owner.query(
    `insert into session (id, user_id, created_at, ended_at, expires_at)
      values ($1, $2, ${moment(opened)}, ${moment(ended)}, ${moment(expired)})`,
    [id, userId],
  )
  return id
}

const hashOf = (generation: number) => Buffer.alloc(32, generation)

async function idsLeft(): Promise<Uuid[]> {
  const { rows } = await owner.query<{ id: Uuid }>('select id from session order by id')
  return rows.map(({ id }) => id)
}

async function cleanUp(rowsPerPiece = 2_000): Promise<Record<string, number[]>> {
  const removed: Record<string, number[]> = {}
  const cleanup = createCleanup({
    store: createCleanupStore(database, { rowsPerPiece }),
    onRemoved: (what, rows) => void (removed[what] ??= []).push(rows),
    onError(error) {
      throw error
    },
  })
  await cleanup.run()
  return removed
}

const kept = keptDays.session

describe('sessions', () => {
  it('are removed when they have ended or expired for thirty days, and not before', async () => {
    await insertSession({ opened: 200, ended: kept + 0.1, expired: -1 })
    await insertSession({ opened: kept + 2, expired: kept + 0.1 })
    await insertSession({ opened: kept + 90.1 })
    const left = [
      await insertSession({ opened: 300, expired: -0.1 }),
      await insertSession({ opened: kept + 89 }),
      await insertSession({ opened: 60, ended: kept - 0.1, expired: kept - 1 }),
      await insertSession({ opened: 31, expired: kept - 0.1 }),
      await insertSession({ opened: 0, expired: -1 }),
    ]
    expect(await cleanUp()).toEqual({ session: [3] })
    expect(await idsLeft()).toEqual(left.toSorted())
  })

  it('are removed in pieces of a bounded size, and those that are alive do not stop it', async () => {
    const alive = []
    for (let count = 0; count < 12; count += 1) {
      const session = await insertSession({ opened: 100 - count, expired: count % 3 ? 50 : -1 })
      if (count % 3 === 0) alive.push(session)
    }
    const { session: pieces = [] } = await cleanUp(5)
    expect(Math.max(...pieces)).toBeLessThanOrEqual(5)
    expect(pieces.reduce((sum, rows) => sum + rows, 0)).toBe(8)
    expect(await idsLeft()).toEqual(alive)
  })

  it('that are alive are still ended by a spent token, and those removed refuse theirs', async () => {
    const store = createSessionStore(database)
    const lifetimes = { refreshSeconds: 3600, sessionSeconds: 7200 }
    const device = { userAgent: null, address: null, requestId: null }
    const open = async (days: number) => {
      const id = idOf(days)
      const session = { id, userId, passwordHash, refreshHash: hashOf(0), lifetimes, ...device }
      expect(await store.open(session)).toBeDefined()
      return id
    }
    const step = (sessionId: Uuid, generation: number) =>
      store.refresh({
        sessionId,
        generation,
        hash: hashOf(generation),
        successorHash: hashOf(generation + 1),
        lifetimes,
      })
    const [alive, over] = [await open(400), await open(400)]
    for (const id of [alive, over]) expect(await step(id, 0)).toMatchObject({ kind: 'refreshed' })
    await owner.query(
      `update session set refresh_expires_at = bank_now() - interval '31 days',
        expires_at = bank_now() - interval '31 days' where id = $1`,
      [over],
    )
    const before = await step(over, 0)
    expect(await cleanUp()).toEqual({ session: [1] })
    expect(await idsLeft()).toEqual([alive])
    expect(await step(alive, 0)).toMatchObject({ kind: 'moved_on', generation: 1 })
    expect(before).toMatchObject({ kind: 'moved_on' })
    expect(await step(over, 0)).toEqual({ kind: 'over' })
    expect(await step(over, 1)).toEqual({ kind: 'over' })
  })

  it('are left to the server that is at it', async () => {
    await insertSession({ opened: 200, ended: 100 })
    const store = createCleanupStore(database)
    const other = new Client({ connectionString: testDatabase.url })
    await other.connect()
    await other.query('begin')
    await other.query('select pg_advisory_xact_lock(7313402215)')
    expect(await store.removeSessions(firstId)).toEqual({ removed: 0, next: undefined })
    await other.query('commit')
    await other.end()
    expect(await store.removeSessions(firstId)).toEqual({ removed: 1, next: undefined })
  })
})

describe('links and challenges', () => {
  it('are removed a day after they have expired, in pieces, and not before', async () => {
    for (const [count, age] of [
      [5, '25 hours'],
      [2, '23 hours'],
      [1, '-1 minute'],
    ] as const) {
      await owner.query(
        `insert into mail_token (hash, purpose, user_id, email, expires_at)
          select sha256(($1 || n)::bytea), 'password_reset', $2, 'alice@example.com',
            bank_now() - $1::interval from generate_series(1, ${count}) n`,
        [age, userId],
      )
      await owner.query(
        `insert into second_factor_challenge (hash, user_id, expires_at)
          select sha256(($1 || n)::bytea), $2, bank_now() - $1::interval
          from generate_series(1, ${count}) n`,
        [age, userId],
      )
    }
    const pieces = [2, 2, 1]
    expect(await cleanUp(2)).toEqual({ mail_token: pieces, second_factor_challenge: pieces })
    expect(await cleanUp()).toEqual({})
    const { rows } = await owner.query(`select (select count(*)::int from mail_token) as links,
      (select count(*)::int from second_factor_challenge) as challenges`)
    expect(rows).toEqual([{ links: 3, challenges: 3 }])
  })
})

it('runs by itself once it is started, and not after it was stopped', async () => {
  await insertSession({ opened: 200, ended: 100 })
  const removed: number[] = []
  const cleanup = createCleanup({
    store: createCleanupStore(database),
    onRemoved: (_, rows) => removed.push(rows),
    onError(error) {
      throw error
    },
  })
  cleanup.start()
  cleanup.start()
  await expect.poll(() => removed).toEqual([1])
  await cleanup.stop()
  await cleanup.stop()
})
