import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, createUnmigratedTestDatabase } from './database.ts'
import type { TestDatabase } from './database.ts'

const opened: TestDatabase[] = []
let client: Client

beforeEach(async () => {
  const database = await createTestDatabase()
  opened.push(database)
  client = new Client({ connectionString: database.url })
  client.on('error', () => {})
  await client.connect()
})

afterEach(async () => {
  await client.end()
  await Promise.all(opened.splice(0).map((database) => database.drop()))
})

test('a test database has the schema, and the server login may not create or change it', async () => {
  expect((await client.query('select * from transfer')).rows).toEqual([])
  await expect(client.query('create table stray ()')).rejects.toMatchObject({ code: '42501' })
  await expect(client.query('delete from transfer')).rejects.toMatchObject({ code: '42501' })
  const { rows } = await client.query<{ user: string; is_superuser: string }>(
    `select current_user as user, current_setting('is_superuser') as is_superuser`,
  )
  expect(rows).toEqual([{ user: 'tallystick', is_superuser: 'off' }])
})

test('databases that are made at once are separate, and dropping one ends its connections', async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, () => createTestDatabase()))
  opened.push(...databases)
  expect(new Set(databases.map(({ url }) => url)).size).toBe(8)
  const [first] = opened
  const ended = new Promise((resolve) => client.once('end', resolve))
  await first?.drop()
  await ended
  await expect(client.query('select 1')).rejects.toThrow(/not queryable|terminated/)
})

test('an unmigrated test database is empty and belongs to the owner', async () => {
  const database = await createUnmigratedTestDatabase()
  opened.push(database)
  const owner = new Client({ connectionString: database.ownerUrl })
  await owner.connect()
  try {
    await owner.query('create table made_by_the_owner ()')
    const { rows } = await owner.query('select relname from pg_class where relname = $1', [
      'transfer',
    ])
    expect(rows).toEqual([])
  } finally {
    await owner.end()
  }
})
