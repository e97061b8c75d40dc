/** A database for a test file of the `database` project. */
import { inject } from 'vitest'
import { cloneDatabase, createEmptyDatabase } from './database-server.ts'
import type { TestDatabase } from './database-server.ts'

export type { TestDatabase } from './database-server.ts'

/** A new database with the migrated schema and nothing in it. About 30 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase(inject('databaseServer'))
}

/** A new database without any schema, for tests of the migrations themselves. */
export async function createUnmigratedTestDatabase(): Promise<TestDatabase> {
  return createEmptyDatabase(inject('databaseServer'))
}
