/**
 * Before the tests of the `database` project: starts one PostgreSQL and migrates the template that
 * `createTestDatabase` clones. With TEST_DATABASE_URL, the URL of a superuser, on that PostgreSQL
 * instead: `TEST_DATABASE_URL=postgresql://postgres:secret@localhost/ npm run test:database`.
 */
import type { TestProject } from 'vitest/node'
import { dropTemplate, prepareDatabaseServer } from './database-server.ts'
import type { DatabaseServer } from './database-server.ts'
import { startTestPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    databaseServer: DatabaseServer
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const external = process.env['TEST_DATABASE_URL']
  if (external) {
    const server = await prepareDatabaseServer(external)
    project.provide('databaseServer', server)
    return () => dropTemplate(server)
  }
  const postgres = await startTestPostgres()
  try {
    project.provide('databaseServer', await prepareDatabaseServer(postgres.superuserUrl))
  } catch (error) {
    await postgres.stop()
    throw error
  }
  return () => postgres.stop()
}
