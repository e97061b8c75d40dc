/**
 * The TypeScript types of a migrated schema, as they are committed. `bigint` and `numeric` are read
 * as text, as `pg` gives them.
 */
import { fileURLToPath } from 'node:url'
import { generate, PostgresDialect } from 'kysely-codegen'
import { createDatabase } from '../server/src/database/database.ts'

export const schemaTypesFile = fileURLToPath(
  new URL('../server/src/database/schema.generated.ts', import.meta.url),
)

/** What {@link schemaTypesFile} has to say for the database at that URL, read by its owner. */
export async function generateSchemaTypes(ownerUrl: string): Promise<string> {
  const database = createDatabase({
    url: ownerUrl,
    poolSize: 1,
    applicationName: 'tallystick generate types',
    namedStatements: false,
  })
  try {
    return await generate({
      db: database.kysely,
      dialect: new PostgresDialect({ defaultSchemas: ['public'] }),
      // The job queue's own tables are not for queries of ours.
      excludePattern: 'graphile_worker.*',
      typeOnlyImports: true,
      outFile: null,
    })
  } finally {
    await database.close()
  }
}
