import { sql } from 'kysely'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { createTcpProxy } from '../../../test/support/tcp-proxy.ts'
import type { TcpProxy } from '../../../test/support/tcp-proxy.ts'
import { createDatabase } from './database.ts'
import type { Database, DatabaseOptions } from './database.ts'
import type { Transaction } from 'kysely'
import type { DB } from './schema.generated.ts'

let testDatabase: TestDatabase
let proxy: TcpProxy
let owner: Client
const opened: Database[] = []

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  proxy = await createTcpProxy(testDatabase.url)
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()))
  await owner.end()
  await proxy.close()
  await testDatabase.drop()
})

function open(options: Partial<DatabaseOptions> = {}): Database {
  const database = createDatabase({
    url: proxy.url,
    poolSize: 2,
    applicationName: 'test',
    namedStatements: true,
    ...options,
  })
  opened.push(database)
  return database
}

let count = 0

/** Adds an account, so that a test can see whether its tx was committed. */
async function insertAccount(tx: Transaction<DB>): Promise<string> {
  count += 1
  const id = `00000000-0000-7000-8000-${String(count).padStart(12, '0')}`
  await tx.insertInto('account').values({ id, currency: 'EUR', normal_side: 'debit' }).execute()
  return id
}

async function countAccounts(): Promise<number> {
  const { rowCount } = await owner.query('select from account')
  return rowCount ?? 0
}

/** As when the server goes away: the session is gone once this resolves. */
async function endSession(tx: Transaction<DB>): Promise<void> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
  const superuser = new Client({ connectionString: testDatabase.superuserUrl })
  await superuser.connect()
  await superuser.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid])
  await superuser.end()
}

const raise = (code: string) =>
  sql`do ${sql.raw(`$$ begin raise exception using errcode = '${code}'; end $$`)}`

test('what a tx wrote is there once it has resolved, and nothing when work throws', async () => {
  const database = open()
  const id = await database.transaction(insertAccount)
  expect((await owner.query('select id from account')).rows).toEqual([{ id }])
  const failure = new Error('of the work')
  const refused = database.transaction(async (tx) => {
    await insertAccount(tx)
    throw failure
  })
  await expect(refused).rejects.toBe(failure)
  expect(await countAccounts()).toBe(1)
})

test('a tx whose failed statement was swallowed is not reported as committed', async () => {
  const swallowing = open().transaction(async (tx) => {
    await insertAccount(tx)
    await raise('22023')
      .execute(tx)
      .catch(() => undefined)
  })
  await expect(swallowing).rejects.toMatchObject({ name: 'Defect' })
  expect(await countAccounts()).toBe(0)
})

test.each(['40001', '40P01', '55P03'])('a tx that ends with %s is run again', async (code) => {
  let runs = 0
  const id = await open().transaction(async (tx) => {
    runs += 1
    const inserted = await insertAccount(tx)
    if (runs < 3) await raise(code).execute(tx)
    return inserted
  })
  expect(runs).toBe(3)
  expect((await owner.query('select id from account')).rows).toEqual([{ id }])
})

test('a tx that is undone each time is given up as overloaded, with nothing done', async () => {
  let runs = 0
  const hopeless = open().transaction(async (tx) => {
    runs += 1
    await insertAccount(tx)
    await raise('40001').execute(tx)
  })
  await expect(hopeless).rejects.toMatchObject({ name: 'Fault', code: 'overloaded' })
  expect(runs).toBe(4)
  expect(await countAccounts()).toBe(0)
})

test.each(['57014', '53100', '25006'])('%s is unavailable and is not run again', async (code) => {
  let runs = 0
  const failing = open().transaction(async (tx) => {
    runs += 1
    await raise(code).execute(tx)
  })
  await expect(failing).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' })
  expect(runs).toBe(1)
})

test('other errors of the database reach the caller as they are', async () => {
  const database = open()
  await expect(database.transaction((tx) => raise('23514').execute(tx))).rejects.toMatchObject({
    code: '23514',
  })
  await expect(database.transaction(insertAccount)).resolves.toBeTypeOf('string')
})

test('two txs that deadlock both succeed', async () => {
  const database = open()
  const first = await database.transaction(insertAccount)
  const second = await database.transaction(insertAccount)
  let waiting = 0
  const bothHoldOne = Promise.withResolvers<void>()
  const lockInOrder = (ids: string[]) => {
    let runs = 0
    return database.transaction(async (tx) => {
      runs += 1
      for (const id of ids) {
        await tx.selectFrom('account').select('id').where('id', '=', id).forUpdate().execute()
        waiting += 1
        if (waiting === 2) bothHoldOne.resolve()
        if (runs === 1) await bothHoldOne.promise
      }
    })
  }
  await Promise.all([lockInOrder([first, second]), lockInOrder([second, first])])
  expect(waiting).toBeGreaterThan(3)
})

test('a line cut before COMMIT arrived leaves the outcome unknown, and nothing was done', async () => {
  const database = open()
  await database.transaction((tx) => sql`select 1`.execute(tx))
  proxy.cutAt('commit\0', 'before')
  await expect(database.transaction(insertAccount)).rejects.toMatchObject({
    name: 'Fault',
    code: 'outcome_unknown',
  })
  expect(await countAccounts()).toBe(0)
})

test('a line cut after COMMIT arrived leaves the outcome unknown, and all was done', async () => {
  const database = open()
  proxy.cutAt('commit\0', 'after')
  await expect(database.transaction(insertAccount)).rejects.toMatchObject({
    name: 'Fault',
    code: 'outcome_unknown',
  })
  expect(await countAccounts()).toBe(1)
  await expect(database.transaction(insertAccount)).resolves.toBeTypeOf('string')
})

test.each(['insert into', 'begin'])(
  'a line cut at "%s" is unavailable: nothing was done, and the next tx works',
  async (text) => {
    const database = open()
    proxy.cutAt(text, 'after')
    await expect(database.transaction(insertAccount)).rejects.toMatchObject({
      name: 'Fault',
      code: 'unavailable',
    })
    expect(await countAccounts()).toBe(0)
    await expect(database.transaction(insertAccount)).resolves.toBeTypeOf('string')
  },
)

test('a session that ends between two statements never gets a COMMIT', async () => {
  const database = open()
  const ended = new Promise((resolve) => {
    database.pool.once('connect', (client) => client.once('end', resolve))
  })
  const lost = database.transaction(async (tx) => {
    await insertAccount(tx)
    await endSession(tx)
    await ended
  })
  await expect(lost).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' })
  await expect(database.transaction(insertAccount)).resolves.toBeTypeOf('string')
})

test('a lost session whose error was swallowed never gets a COMMIT', async () => {
  const lost = open().transaction(async (tx) => {
    await endSession(tx)
    await sql`select 1`.execute(tx).catch(() => undefined)
  })
  await expect(lost).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' })
})

test('a lost write outside a tx is unknown, a lost read is unavailable', async () => {
  const database = open()
  const { kysely } = database
  proxy.cutAt('insert into', 'after')
  const values = {
    id: '00000000-0000-7000-8000-00000000ffff',
    currency: 'EUR',
    normal_side: 'debit',
  }
  await expect(kysely.insertInto('account').values(values).execute()).rejects.toMatchObject({
    code: 'outcome_unknown',
  })
  proxy.cutAt('select', 'after')
  const reading = kysely.selectFrom('account').select('id').execute()
  await expect(reading).rejects.toMatchObject({ code: 'unavailable' })
})

test('where there is no database a tx is unavailable', async () => {
  const url = new URL(proxy.url)
  await proxy.close()
  const database = open({ url: url.href })
  await expect(database.transaction(insertAccount)).rejects.toMatchObject({
    name: 'Fault',
    code: 'unavailable',
  })
  proxy = await createTcpProxy(testDatabase.url)
})

test('a tx leaves nothing in its session, and needs nothing from it', async () => {
  const database = open({ poolSize: 1, namedStatements: false, role: 'tallystick_server' })
  const stateOf = async () => {
    const { rows } = await database.pool.query(
      `select current_user, current_setting('statement_timeout') as statement_timeout,
         current_setting('lock_timeout') as lock_timeout,
         current_setting('idle_in_transaction_session_timeout') as idle_timeout,
         (select count(*)::integer from pg_prepared_statements) as prepared`,
    )
    return rows[0]
  }
  const before = await stateOf()
  for (let run = 0; run < 3; run += 1) {
    await database.transaction(insertAccount)
    expect(await stateOf()).toEqual(before)
    // What a transaction pooler may do between two txs.
    await database.pool.query('discard all')
  }
  expect(before).toMatchObject({ current_user: 'tallystick', prepared: 0 })
  expect(await countAccounts()).toBe(3)
})

test('in a tx every wait has a limit', async () => {
  const settings = await open().transaction(async (tx) => {
    const { rows } = await sql<{ name: string; setting: string }>`
      select name, setting from pg_settings
      where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
        'transaction_isolation')
      order by name`.execute(tx)
    return rows.map(({ setting }) => setting)
  })
  expect(settings).toEqual(['5000', '2000', '10000', 'read committed'])
})

test('named statements are prepared once per session', async () => {
  const database = open({ poolSize: 1 })
  await database.transaction(insertAccount)
  await database.transaction(insertAccount)
  const { rows } = await database.pool.query('select from pg_prepared_statements')
  expect(rows).toHaveLength(1)
})

test('a named statement goes on working when a migration changes its columns', async () => {
  const database = open({ poolSize: 1 })
  const inTransaction = () =>
    database.transaction((tx) => tx.selectFrom('bank_account').selectAll().execute())
  const alone = () => database.kysely.selectFrom('batch_seal').selectAll().execute()
  await inTransaction()
  await alone()
  await owner.query('alter table bank_account add column note text')
  await owner.query('alter table batch_seal add column note text')
  await expect(inTransaction()).resolves.toEqual([])
  await alone()
  await expect(alone()).resolves.toMatchObject([{ note: null }])
})
