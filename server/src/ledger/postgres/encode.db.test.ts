/** Parameters in binary, read back by PostgreSQL. */
import {
  array,
  assert,
  asyncProperty,
  bigInt,
  constantFrom,
  integer,
  maxSafeInteger,
  oneof,
  option,
  string,
  uint8Array,
  uuid,
} from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { Defect } from '../../kernel/assert.ts'
import {
  bigintArray,
  byteaArray,
  integerArray,
  nullableUuidArray,
  numericArray,
  textArray,
  uuidArray,
} from './encode.ts'

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createTestDatabase()
  client = new Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

/** The elements as PostgreSQL shows them in text. */
async function readBack(type: string, parameter: Buffer): Promise<(string | null)[]> {
  const { rows } = await client.query<{ value: string | null }>(
    `select value::text from unnest($1::${type}[]) with ordinality as each(value, place)
     order by place`,
    [parameter],
  )
  return rows.map(({ value }) => value)
}

const few = { maxLength: 20 }
const runs = { numRuns: 50 }

test('ids arrive as they are, with and without nulls', async () => {
  await assert(
    asyncProperty(array(uuid(), few), async (values) => {
      expect(await readBack('uuid', uuidArray(values))).toEqual(values)
    }),
    runs,
  )
  await assert(
    asyncProperty(array(option(uuid()), few), async (values) => {
      expect(await readBack('uuid', nullableUuidArray(values))).toEqual(values)
    }),
    runs,
  )
})

test.each([
  ['a letter beyond f', 'g0000000-0000-7000-8000-000000000000'],
  ['an upper-case letter', 'A0000000-0000-7000-8000-000000000000'],
  ['a character beyond ASCII', '\u01300000000-0000-7000-8000-00000000000'],
  ['one digit less', '00000000-0000-7000-8000-00000000000'],
  ['one digit more', '00000000-0000-7000-8000-0000000000000'],
])('an id with %s is a defect', (_name, value) => {
  expect(() => uuidArray([value])).toThrow(Defect)
})

test('whole numbers of every size arrive as they are', async () => {
  const edges = constantFrom(0, -1, 9_999, 10_000, 100_000_000, 2 ** 32, -(2 ** 32))
  await assert(
    asyncProperty(array(oneof(maxSafeInteger(), edges), few), async (values) => {
      expect(await readBack('bigint', bigintArray(values))).toEqual(values.map(String))
    }),
    runs,
  )
  await assert(
    asyncProperty(array(integer(), few), async (values) => {
      expect(await readBack('integer', integerArray(values))).toEqual(values.map(String))
    }),
    runs,
  )
  const max = 10n ** 38n - 1n
  const wideEdges = constantFrom(0n, 1n, 9_999n, 10_000n, 10n ** 8n, 2n ** 53n, 10n ** 37n, -max)
  await assert(
    asyncProperty(
      array(oneof(bigInt({ min: -max, max }), bigInt(-20_000n, 20_000n), wideEdges), few),
      async (values) => {
        expect(await readBack('numeric', numericArray(values))).toEqual(values.map(String))
      },
    ),
    runs,
  )
})

test('a fraction is a defect', () => {
  expect(() => bigintArray([0.5])).toThrow(Defect)
  // Node would write them as 0.
  expect(() => integerArray([Number.NaN])).toThrow(Defect)
  expect(() => integerArray([0.5])).toThrow(Defect)
})

test('texts of any script arrive as they are, quotes, braces, NULL and null included', async () => {
  const awkward = constantFrom('NULL', '', '{}', '"', '\\', ',', 'a"b\\c')
  const text = oneof(string({ unit: 'grapheme' }), awkward)
  const values = array(option(text), few).map((each) =>
    each.map((value) => value && value.replaceAll('\0', '')),
  )
  await assert(
    asyncProperty(values, async (each) => {
      expect(await readBack('text', textArray(each))).toEqual(each)
    }),
    runs,
  )
})

test('bytes arrive as they are', async () => {
  const hex = uint8Array(few).map((bytes) => Buffer.from(bytes).toString('hex'))
  await assert(
    asyncProperty(array(hex, few), async (values) => {
      const expected = values.map((value) => String.raw`\x${value}`)
      expect(await readBack('bytea', byteaArray(values))).toEqual(expected)
    }),
    runs,
  )
})
