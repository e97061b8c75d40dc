/**
 * What admission asks about the credentials of concurrent requests: one statement per set, over the
 * primary keys of `session` (or `api_key`) and `app_user`. It locks nothing and sees what was
 * committed before it was sent. The statements are compiled once: only their set of ids changes.
 */
import { sql, type CompiledQuery } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Role } from '../../http/route.ts'
import type { Scope } from '../../http/scopes.ts'
import type { Uuid } from '../../kernel/ids.ts'

/** A session that has not ended, of a user who is active. */
export interface LiveSession {
  accessEpoch: number
  roles: ReadonlySet<Role>
}

/** A key that was not revoked and has not expired, of a user who is active. */
export interface LiveApiKey {
  hash: Buffer
  userId: Uuid
  username: string
  roles: ReadonlySet<Role>
  scopes: ReadonlySet<Scope>
  /** Whether its last use is to be noted. */
  isUseOld: boolean
}

export interface AdmissionStore {
  liveSessions(ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, LiveSession>>
  liveApiKeys(ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, LiveApiKey>>
  /** Notes the use of keys, each at most once a minute. Passes over rows that are locked. */
  noteUse(ids: readonly Uuid[]): Promise<void>
}

export function createAdmissionStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): AdmissionStore {
  const roleSets = createSets<Role>()
  const scopeSets = createSets<Scope>()

  const sessions = kysely
    .selectFrom('session')
    .innerJoin('app_user', 'app_user.id', 'session.user_id')
    .select(['session.id', 'app_user.access_epoch', rolesText])
    .where('session.id', '=', anyOf)
    .where('session.ended_at', 'is', null)
    .where('app_user.status', '=', 'active')
    .compile()

  const apiKeys = kysely
    .selectFrom('api_key')
    .innerJoin('app_user', 'app_user.id', 'api_key.user_id')
    .select(['api_key.id', 'key_hash', 'user_id', 'username', rolesText, scopesText])
    .select(isUseOld.as('is_use_old'))
    .where('api_key.id', '=', anyOf)
    .where('revoked_at', 'is', null)
    .where(sql<boolean>`(expires_at is null or expires_at > bank_now())`)
    .where('app_user.status', '=', 'active')
    .compile()

  return {
    async liveSessions(ids) {
      const { rows } = await kysely.executeQuery(withIds(sessions, ids))
      return new Map(
        rows.map(({ id, access_epoch, roles }) => {
          return [id, { accessEpoch: Number(access_epoch), roles: roleSets(roles) }]
        }),
      )
    },

    async liveApiKeys(ids) {
      const { rows } = await kysely.executeQuery(withIds(apiKeys, ids))
      return new Map(
        rows.map(({ id, key_hash: hash, user_id: userId, username, ...row }) => {
          const sets = { roles: roleSets(row.roles), scopes: scopeSets(row.scopes) }
          return [id, { hash, userId, username, ...sets, isUseOld: row.is_use_old }]
        }),
      )
    },

    async noteUse(ids) {
      await transaction(async (tx) => {
        const free = tx
          .selectFrom('api_key')
          .select('id')
          .where('id', '=', sql<Uuid>`any(${ids}::uuid[])`)
          .where(isUseOld)
          .forNoKeyUpdate()
          .skipLocked()
        const used = { last_used_at: sql<Date>`bank_now()` }
        await tx.updateTable('api_key').set(used).where('id', 'in', free).execute()
      })
    },
  }
}

/** Stands for the set of ids in what is compiled. */
const placeholder: readonly Uuid[] = []

function withIds<Row>(query: CompiledQuery<Row>, ids: readonly Uuid[]): CompiledQuery<Row> {
  const parameters = query.parameters.map((value) => (value === placeholder ? ids : value))
  return { ...query, parameters }
}

// By way of a sub-select, which hides the length of the set from the planner: it would take a plan made
// for each small set to be cheaper than the one it has, and planning costs 100 us of the 120 that a
// look-up of one session took (PostgreSQL 18; 23 us since).
const anyOf = sql<Uuid>`any((select ${placeholder}::uuid[])::uuid[])`

const isUseOld = sql<boolean>`(last_used_at is null or last_used_at < bank_now() - interval '1 minute')`

// As one text, since `pg` takes 3 us to parse an array, and there are few different sets.
const rolesText = sql<string>`array_to_string(app_user.roles, ',')`.as('roles')
const scopesText = sql<string>`array_to_string(scopes, ',')`.as('scopes')

const setsMax = 1000

/** One set per text: of roles a handful in the whole bank, of scopes not many more. */
function createSets<Word extends string>(): (text: string) => ReadonlySet<Word> {
  const known = new Map<string, ReadonlySet<Word>>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- these columns hold such words
    const set = new Set(text.split(',') as Word[])
    if (known.size < setsMax) known.set(text, set)
    return set
  }
}
