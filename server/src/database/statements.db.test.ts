import { readdir } from 'node:fs/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { describeStatement } from '../../../test/support/describe-statement.ts'
import type { Statement } from './statement.ts'

/** Where hand-written SQL may be. */
const folders = ['../ledger/postgres', '../ledger/audit']
const statements = await collectStatements()

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createTestDatabase()
  client = new Client({ connectionString: database.ownerUrl })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

test('hand-written statements are found where they are expected', () => {
  expect(statements.length).toBeGreaterThan(0)
})

test('a name stands for one text', () => {
  const textOf = new Map<string, string>()
  for (const { name, text } of statements) {
    expect([name, textOf.get(name) ?? text]).toEqual([name, text])
    textOf.set(name, text)
  }
})

describe('the declared types are those that PostgreSQL infers', () => {
  test.each(statements.map((statement) => [statement.name, statement] as const))(
    '%s',
    async (_name, statement) => {
      expect(await describeStatement(client, statement.text)).toEqual(declaredTypes(statement))
    },
  )
})

test('a wrong declaration would be noticed', async () => {
  const text = 'select id, owner_id as owner from account where id = any($1::uuid[])'
  const right: Statement = {
    name: 'right',
    text,
    parameters: ['uuid[]'],
    columns: { id: 'uuid', owner: 'uuid?' },
  }
  const described = await describeStatement(client, text)
  expect(described).toEqual(declaredTypes(right))
  for (const wrong of [
    { ...right, parameters: ['text[]'] },
    { ...right, parameters: [] },
    { ...right, columns: { id: 'uuid', owner: 'text?' } },
    { ...right, columns: { id: 'uuid', owner_id: 'uuid?' } },
    { ...right, columns: { owner: 'uuid?', id: 'uuid' } },
    { ...right, columns: { id: 'uuid' } },
  ] satisfies Statement[]) {
    expect(described).not.toEqual(declaredTypes(wrong))
  }
})

function declaredTypes({ parameters, columns }: Statement): {
  parameters: string[]
  columns: [string, string][]
} {
  return {
    parameters: [...parameters],
    columns: Object.entries(columns).map(([name, type]) => [name, type.replace(/\?$/, '')]),
  }
}

/** Every statement that a module of those folders exports; what only tests use may act at its import. */
async function collectStatements(): Promise<Statement[]> {
  const found = new Set<Statement>()
  for (const folder of folders) {
    const files = await readdir(new URL(folder, import.meta.url))
    for (const file of files.filter((name) => /^(?!testing|.*\.test\.ts$).*\.ts$/.test(name))) {
      const exported: object = await import(new URL(`${folder}/${file}`, import.meta.url).href)
      for (const value of Object.values(exported)) {
        for (const candidate of [value, ...membersOf(value)]) {
          if (isStatement(candidate)) found.add(candidate)
        }
      }
    }
  }
  return [...found]
}

function membersOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function isStatement(value: unknown): value is Statement {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['name', 'text', 'parameters', 'columns'].every((key) => key in value)
  )
}
