/**
 * Whether this program may work with the schema it finds. Migrations expand first and contract a
 * release later, so a schema that is newer than the program is fine as long as it says so; one that
 * is older is not.
 */
import type { Database } from './database.ts'
import { DatabaseSetupError, sqlStateOf } from './errors.ts'
import { listMigrations } from './migrate.ts'

/**
 * Throws a {@link DatabaseSetupError} when the schema is missing, is older than this program, or
 * names a minimum that `version` is below.
 */
export async function assertCompatible(database: Database, version: string): Promise<void> {
  const { minimum, applied } = await readSchema(database)
  if (isBelow(version, minimum)) {
    throw new DatabaseSetupError(
      `the database needs a server of version ${minimum} or newer, and this is ${version}`,
    )
  }
  const missing = (await listMigrations()).filter((name) => !applied.has(name))
  if (missing.length > 0) {
    throw new DatabaseSetupError(
      `the database lacks ${missing.join(', ')}: run \`tallystick migrate\` first`,
    )
  }
}

async function readSchema({
  kysely,
}: Database): Promise<{ minimum: string; applied: ReadonlySet<string> }> {
  try {
    const { min_server_version: minimum } = await kysely
      .selectFrom('schema_compatibility')
      .select('min_server_version')
      .executeTakeFirstOrThrow()
    const rows = await kysely.selectFrom('schema_migration').select('name').execute()
    return { minimum, applied: new Set(rows.map(({ name }) => name)) }
  } catch (error) {
    throw explain(error)
  }
}

function explain(error: unknown): unknown {
  switch (sqlStateOf(error)) {
    case '42P01':
      return new DatabaseSetupError(
        "the database has none of the bank's tables: run `tallystick migrate` first",
        { cause: error },
      )
    case '42501':
      return new DatabaseSetupError(
        "the server's login may not read the schema: run `tallystick migrate` again, which makes " +
          'it a member of the role tallystick_server',
        { cause: error },
      )
    default:
      return error
  }
}

/** Compares major, minor and patch; what follows them, as in `1.2.0-rc.1`, does not count. */
function isBelow(version: string, minimum: string): boolean {
  const actual = parts(version)
  for (const [index, wanted] of parts(minimum).entries()) {
    const difference = (actual[index] ?? 0) - wanted
    if (difference !== 0) return difference < 0
  }
  return false
}

function parts(version: string): number[] {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version)
  if (!match) throw new DatabaseSetupError(`not a version: ${version}`)
  return match.slice(1).map(Number)
}
