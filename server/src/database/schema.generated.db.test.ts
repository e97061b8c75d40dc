import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import { generateSchemaTypes, schemaTypesFile } from '../../../tools/schema-types.ts'

test('the committed types are those of the migrated schema (npm run generate:types)', async () => {
  const database = await createTestDatabase()
  try {
    expect(await generateSchemaTypes(database.ownerUrl)).toBe(
      await readFile(schemaTypesFile, 'utf8'),
    )
  } finally {
    await database.drop()
  }
})
