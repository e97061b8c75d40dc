import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts'
import { createTcpProxy, type TcpProxy } from '../../../test/support/tcp-proxy.ts'
import { createDatabase, type Database } from './database.ts'

let testDatabase: TestDatabase
let proxy: TcpProxy
/** With one connection, so that each use is of the same. */
let database: Database

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  proxy = await createTcpProxy(testDatabase.url)
  database = createDatabase({
    url: proxy.url,
    poolSize: 1,
    applicationName: 'test',
    namedStatements: false,
  })
})

afterEach(async () => {
  await database.close()
  await proxy.close()
  await testDatabase.drop()
})

const nothing = () => database.transaction((tx) => sql`select 1`.execute(tx))

async function countListeners(): Promise<number> {
  const client = await database.pool.connect()
  const count = client.listenerCount('error')
  client.release()
  return count
}

test('a tx says nothing about the next use of its connection', async () => {
  await nothing()
  const refused = database.transaction((tx) => sql`select 1 / 0`.execute(tx))
  await expect(refused).rejects.toMatchObject({ code: '22012' })
  proxy.cutAt('insert into', 'after')
  // In a tx it would be `unavailable`: nothing was done.
  const lost = sql`insert into account (id, currency, normal_side)
    values ('00000000-0000-7000-8000-000000000001', 'EUR', 'debit')`.execute(database.kysely)
  await expect(lost).rejects.toMatchObject({ name: 'Fault', code: 'outcome_unknown' })
})

test('a connection is listened to once, however often it is used', async () => {
  await nothing()
  const before = await countListeners()
  for (let run = 0; run < 3; run += 1) await nothing()
  expect(await countListeners()).toBe(before)
})
