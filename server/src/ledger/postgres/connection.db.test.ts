import { afterAll, beforeAll, expect, test } from 'vitest'
import { Defect } from '../../kernel/assert.ts'
import { statement } from '../../database/statement.ts'
import { type Connection, openConnection } from './connection.ts'
import { integerArray } from './encode.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

let harness: PostgresHarness
let connection: Connection

beforeAll(async () => {
  harness = await createPostgresHarness()
  await harness.pool.query('create table flown (value integer); grant all on flown to public')
})
afterAll(async () => {
  await harness.close()
})

const insertAll = statement({
  name: 'test_insert_all',
  text: 'insert into flown select unnest($1::integer[])',
  parameters: ['integer[]'],
  columns: {},
})

async function open(): Promise<Connection> {
  return openConnection({
    url: harness.database.url,
    applicationName: 'test',
    namedStatements: true,
    connectLimitMilliseconds: 5_000,
  })
}

async function flown(): Promise<number> {
  const { rows } = await harness.pool.query<{ count: string }>('select count(*) from flown')
  return Number(rows[0]?.count)
}

const insert = (values: Buffer) => ({ statement: insertAll, values: [values] })

test('a flight commits what it holds, in one go', async () => {
  connection = await open()
  const answers = await connection.fly(['begin', insert(integerArray([1, 2])), 'commit'], 5_000)
  expect(answers.at(-1)).toMatchObject({ result: { command: 'COMMIT' } })
  expect(await flown()).toBe(2)
  await connection.close()
})

test('a client-side failure in the middle of a flight sends nothing, not even COMMIT', async () => {
  connection = await open()
  const before = await flown()
  // What a bug would hand over: the types do not allow it.
  const broken: Buffer = JSON.parse('{"no":"buffer"}')
  const flight = connection.fly(
    ['begin', insert(integerArray([3])), insert(broken), 'commit'],
    5_000,
  )
  await expect(flight).rejects.toBeInstanceOf(Defect)
  expect(await flown()).toBe(before)
  const [answer] = await connection.fly(['select 1'], 5_000)
  expect(answer).toMatchObject({ result: { rows: [['1']] } })
  await connection.close()
})

test('a server-side failure in the middle of a flight commits nothing', async () => {
  connection = await open()
  const before = await flown()
  const answers = await connection.fly(
    ['begin', insert(integerArray([4])), 'select 1 / 0', insert(integerArray([5])), 'commit'],
    5_000,
  )
  expect(answers.at(-1)).toMatchObject({ result: { command: 'ROLLBACK' } })
  expect(await flown()).toBe(before)
  expect(connection.usable).toBe(true)
  await connection.close()
})

test('a flight past its limit ends with its connection, and nothing waits for it', async () => {
  connection = await open()
  const [answer] = await connection.fly(['select pg_sleep(60)'], 50)
  expect(answer).toHaveProperty('error')
  expect(connection.usable).toBe(false)
})

test('a flight on a connection that the server ended has no answers and does not hang', async () => {
  connection = await open()
  const [pid] = await connection.fly(['select pg_backend_pid()'], 5_000)
  if (!pid || 'error' in pid) throw new Error('a backend has a process id')
  await harness.pool.query('select pg_terminate_backend($1)', [pid.result.rows[0]?.[0]])
  const answers = await connection.fly(['begin', 'commit'], 5_000)
  expect(answers.every((answer) => 'error' in answer)).toBe(true)
  expect(connection.usable).toBe(false)
})
