/**
 * Regenerates the types of the schema: starts a PostgreSQL in a temporary folder, runs the
 * migrations and writes what the schema then is. `npm run generate:types`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../server/src/database/embedded/embedded-postgres.ts'
import { migrate } from '../server/src/database/migrate.ts'
import { generateSchemaTypes, schemaTypesFile } from './schema-types.ts'

const dataDirectory = await mkdtemp(join(tmpdir(), 'tallystick-types-'))
try {
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log: () => undefined,
    settings: { fsync: 'off' },
  })
  try {
    await migrate({ url: postgres.ownerUrl, log: () => undefined })
    await writeFile(schemaTypesFile, await generateSchemaTypes(postgres.ownerUrl))
  } finally {
    await postgres.stop()
  }
} finally {
  await rm(dataDirectory, { recursive: true, force: true })
}
