import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { createRateLimits, type RateLimitPolicies, type RateLimits } from './rate-limits.ts'
import { createRateLimitStore } from './store.ts'

const hour = 3_600_000
const rate = (count: number) => ({ count, periodMilliseconds: hour })
const policies: RateLimitPolicies = {
  tries: {
    sign_up: { source: rate(10) },
    login: { pair: rate(3), source: rate(20), account: rate(10) },
    password_reset: {},
    second_factor: { pair: rate(3) },
  },
  requests: {
    public: rate(2),
    bad_token: rate(2),
    read: undefined,
    write: undefined,
    money: undefined,
  },
}

let testDatabase: TestDatabase
/** Two servers on one database. */
let databases: Database[]
let first: Database
let servers: RateLimits[]

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { url } = testDatabase
  const open = () =>
    createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
  first = open()
  databases = [first, open()]
  servers = databases.map((database) =>
    createRateLimits({
      database,
      policies,
      onError(error) {
        throw error
      },
    }),
  )
})

beforeEach(async () => {
  await first.kysely.deleteFrom('rate_limit').execute()
  await first.kysely.deleteFrom('known_source').execute()
})

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()))
  await testDatabase.drop()
})

function serverAt(index: number): RateLimits {
  const server = servers[index % servers.length]
  if (!server) throw new Error('there are servers')
  return server
}

const signUp = (source: string) => serverAt(0).consume('sign_up', { source })

const logIn = (source: string, account = 'alice') =>
  serverAt(0).consume('login', { source, account })

/** A login that was right. */
async function succeed(source: string, account = 'alice'): Promise<void> {
  expect((await logIn(source, account)).isAllowed).toBe(true)
  await serverAt(0).succeed('login', { source, account })
}

/** Fails to log in until it is refused; returns how many tries it had. */
async function guess(source: string, account = 'alice'): Promise<number> {
  for (let count = 0; ; count += 1) {
    if (!(await logIn(source, account)).isAllowed) return count
  }
}

test('two servers together allow exactly as many at once as the limit says', async () => {
  const tries = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      serverAt(index).consume('sign_up', { source: '192.0.2.1' }),
    ),
  )
  expect(tries.filter(({ isAllowed }) => isAllowed)).toHaveLength(10)
  const refused = tries.find(({ isAllowed }) => !isAllowed)
  expect(refused).toMatchObject({ state: { name: 'sign_up', remaining: 0 } })
  // One of ten in an hour comes back after six minutes.
  const wait = refused && 'waitMilliseconds' in refused && refused.waitMilliseconds
  expect(wait).toBeGreaterThan(5 * 60_000)
  expect(wait).toBeLessThanOrEqual(6 * 60_000)
})

test('another address has tries of its own, and a /64 of IPv6 shares them', async () => {
  for (let count = 0; count < 10; count += 1) await signUp(`2001:db8::${count}`)
  expect((await signUp('2001:db8::ffff')).isAllowed).toBe(false)
  expect((await signUp('2001:db8:0:1::1')).isAllowed).toBe(true)
})

test('a bucket fills up again over time', async () => {
  for (let count = 0; count < 10; count += 1) await signUp('192.0.2.2')
  expect((await signUp('192.0.2.2')).isAllowed).toBe(false)
  await sql`update rate_limit set full_at = full_at - interval '12 minutes'`.execute(first.kysely)
  const verdicts = [await signUp('192.0.2.2'), await signUp('192.0.2.2'), await signUp('192.0.2.2')]
  expect(verdicts.map(({ isAllowed }) => isAllowed)).toEqual([true, true, false])
})

describe('guessing at a password', () => {
  test('is stopped for who guesses, and not for the owner elsewhere', async () => {
    expect(await guess('192.0.2.66')).toBe(3)
    expect((await logIn('192.0.2.1')).isAllowed).toBe(true)
  })

  test('a refused try takes nothing from the account, so one stranger cannot use it up', async () => {
    await guess('192.0.2.66')
    for (let count = 0; count < 30; count += 1) await logIn('192.0.2.66')
    expect((await logIn('192.0.2.1')).isAllowed).toBe(true)
  })

  test('from many addresses is stopped by the account', async () => {
    const counts = []
    for (let host = 1; host <= 5; host += 1) counts.push(await guess(`198.51.100.${host}`))
    expect(counts).toEqual([3, 3, 3, 1, 0])
  })

  test('from many addresses does not hold up the owner where they have logged in before', async () => {
    await succeed('192.0.2.1')
    for (let host = 1; host <= 5; host += 1) await guess(`198.51.100.${host}`)
    expect((await logIn('192.0.2.2')).isAllowed).toBe(false)
    expect((await logIn('192.0.2.1')).isAllowed).toBe(true)
    // There too guessing has its end.
    expect(await guess('192.0.2.1')).toBe(2)
  })

  test('over many accounts is stopped by the source', async () => {
    let count = 0
    while ((await logIn('192.0.2.66', `user_${count}`)).isAllowed) count += 1
    expect(count).toBe(20)
  })

  test('a right password gives back what it took', async () => {
    for (let count = 0; count < 30; count += 1) await succeed('192.0.2.1')
    expect(await guess('192.0.2.1')).toBe(3)
  })

  test('tries and successes at once on two servers end without a deadlock', async () => {
    const done = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const account = index % 2 === 0 ? 'alice' : 'bob'
        const keys = { source: `192.0.2.${index % 3}`, account }
        const { isAllowed } = await serverAt(index).consume('login', keys)
        if (isAllowed) await serverAt(index).succeed('login', keys)
        return isAllowed
      }),
    )
    expect(done).toContain(true)
  })
})

test.each(['public', 'bad_token'] as const)(
  'requests of the class %s count by address, a /64 of IPv6 as one, on each server alone',
  (name) => {
    const ask = (server: RateLimits, address: string) =>
      server.countRequest(name, address).isAllowed
    const addresses = ['2001:db8:7::1', '2001:db8:7::2', '2001:db8:7::3', '2001:db8:8::1']
    expect(addresses.map((address) => ask(serverAt(0), address))).toEqual([true, true, false, true])
    expect(ask(serverAt(1), '2001:db8:7::3')).toBe(true)
  },
)

test('a class without limits asks nothing of the database', async () => {
  const verdict = await serverAt(0).consume('password_reset', { source: '192.0.2.1' })
  expect(verdict).toEqual({ isAllowed: true, state: undefined })
  expect(await first.kysely.selectFrom('rate_limit').selectAll().execute()).toEqual([])
})

test('the sweep takes a crowd in pieces, and ends', async () => {
  await sql`insert into rate_limit (key, full_at) select substr(sha256(n::text::bytea), 1, 16),
    bank_now() + (n - 4500) * interval '1 hour' from generate_series(1, 5000) n`.execute(
    first.kysely,
  )
  await createRateLimitStore(first).sweep()
  const left = await first.kysely.selectFrom('rate_limit').select('key').execute()
  expect(left).toHaveLength(500)
})

test('the sweep deletes full buckets and forgotten sources, and nothing else', async () => {
  const { kysely } = first
  await succeed('192.0.2.1')
  await succeed('192.0.2.2', 'bob')
  await logIn('192.0.2.3', 'carol')
  await sql`update known_source set seen_at = seen_at - interval '181 days'
    where key = (select min(key) from known_source)`.execute(kysely)
  await createRateLimitStore(first).sweep()
  expect(await kysely.selectFrom('rate_limit').select('key').execute()).toHaveLength(3)
  expect(await kysely.selectFrom('known_source').select('key').execute()).toHaveLength(1)
})
