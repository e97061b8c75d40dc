/**
 * What admission asks about the credentials of concurrent requests: one statement per set, over the
 * primary keys of `session` (or `api_key`) and `app_user`. It locks nothing and sees what was
 * committed before it was sent. The statements are compiled once: only their set of ids changes.
 */
import { sql, type CompiledQuery } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Role } from '../../http/route.ts'
import type { Uuid } from '../../kernel/ids.ts'

/** A session that has not ended, of a user who is active. */
export interface LiveSession {
  accessEpoch: number
  roles: ReadonlySet<Role>
}

export interface AdmissionStore {
  liveSessions(ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, LiveSession>>
}

export function createAdmissionStore({ kysely }: Pick<Database, 'kysely'>): AdmissionStore {
  const setOf = createRoleSets()

  const sessions = kysely
    .selectFrom('session')
    .innerJoin('app_user', 'app_user.id', 'session.user_id')
    .select(['session.id', 'app_user.access_epoch', rolesText])
    .where('session.id', '=', anyOf)
    .where('session.ended_at', 'is', null)
    .where('app_user.status', '=', 'active')
    .compile()

  return {
    async liveSessions(ids) {
      const { rows } = await kysely.executeQuery(withIds(sessions, ids))
      return new Map(
        rows.map(({ id, access_epoch, roles }) => {
          return [id, { accessEpoch: Number(access_epoch), roles: setOf(roles) }]
        }),
      )
    },
  }
}

/** Stands for the set of ids in what is compiled. */
const placeholder: readonly Uuid[] = []

function withIds<Row>(query: CompiledQuery<Row>, ids: readonly Uuid[]): CompiledQuery<Row> {
  const parameters = query.parameters.map((value) => (value === placeholder ? ids : value))
  return { ...query, parameters }
}

const anyOf = sql<Uuid>`any(${placeholder}::uuid[])`

// As one text, since `pg` takes 3 us to parse an array, and users have one of a few sets of roles.
const rolesText = sql<string>`array_to_string(app_user.roles, ',')`.as('roles')

/** One set per text: a handful in the whole bank. */
function createRoleSets(): (text: string) => ReadonlySet<Role> {
  const known = new Map<string, ReadonlySet<Role>>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema checks the column
    const roles = new Set(text.split(',') as Role[])
    known.set(text, roles)
    return roles
  }
}
