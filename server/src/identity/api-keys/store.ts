/**
 * API keys as they are stored. Each write is one tx with its row of the audit trail. Making one locks
 * the row of its user, so that the bound on keys holds and a user who is being disabled gets none.
 */
import { sql } from 'kysely'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { Scope } from '../../http/scopes.ts'
import type { Uuid } from '../../kernel/ids.ts'

export interface ApiKey {
  id: Uuid
  userId: Uuid
  name: string
  scopes: readonly Scope[]
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
}

export interface NewApiKey {
  id: Uuid
  userId: Uuid
  createdBy: Uuid
  name: string
  hash: Buffer
  scopes: readonly Scope[]
  /** Null for a key that lasts until it is revoked. */
  expiresInSeconds: number | null
  requestId: string
}

export interface ApiKeyPage {
  userId: Uuid
  before: Uuid | undefined
  limit: number
}

export interface RevokeRequest {
  id: Uuid
  /** Only a key of this user; of anyone when absent. */
  ofUserId: Uuid | undefined
  revokedBy: Uuid
  requestId: string
}

export interface ApiKeyStore {
  insert(key: NewApiKey): Promise<ApiKey | 'user_not_found' | 'too_many_api_keys'>
  /** Newest first, revoked and expired ones too. */
  list(page: ApiKeyPage): Promise<ApiKey[]>
  /** False when there is none of that id. One that is revoked stays as it is. */
  revoke(request: RevokeRequest): Promise<boolean>
  /** Whether there is one of that id, whosever it is. */
  exists(id: Uuid): Promise<boolean>
}

/** How many keys that still count one user may have. */
export const apiKeysPerUserMax = 100

const columns = [
  'id',
  'user_id',
  'name',
  'scopes',
  'created_at',
  'expires_at',
  'last_used_at',
  'revoked_at',
] as const

export function createApiKeyStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): ApiKeyStore {
  return {
    async insert({ id, userId, createdBy, name, hash, scopes, expiresInSeconds, requestId }) {
      return await transaction(async (tx) => {
        const user = await tx
          .selectFrom('app_user')
          .select('id')
          .where('id', '=', userId)
          .where('status', '=', 'active')
          .forNoKeyUpdate()
          .executeTakeFirst()
        if (user === undefined) return 'user_not_found'
        const live = await tx
          .selectFrom('api_key')
          .select('id')
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .where(sql<boolean>`(expires_at is null or expires_at > bank_now())`)
          .limit(apiKeysPerUserMax)
          .execute()
        if (live.length === apiKeysPerUserMax) return 'too_many_api_keys'
        const row = await tx
          .insertInto('api_key')
          .values({
            id,
            user_id: userId,
            created_by: createdBy,
            name,
            key_hash: hash,
            scopes: [...scopes],
            expires_at: sql`bank_now() + make_interval(secs => ${expiresInSeconds})`,
          })
          .returning(columns)
          .executeTakeFirstOrThrow()
        await recordAuditEvent(tx, {
          kind: 'api_key.created',
          actorId: createdBy,
          subject: { prefix: 'key', id },
          facts: { scopes: scopes.join(' '), is_own: userId === createdBy },
          requestId,
        })
        return toApiKey(row)
      })
    },

    // Index api_key_user_id read backwards.
    async list({ userId, before, limit }) {
      let query = kysely.selectFrom('api_key').select(columns).where('user_id', '=', userId)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.orderBy('id', 'desc').limit(limit).execute()).map(toApiKey)
    },

    async exists(id) {
      const key = await kysely
        .selectFrom('api_key')
        .select('id')
        .where('id', '=', id)
        .executeTakeFirst()
      return key !== undefined
    },

    async revoke({ id, ofUserId, revokedBy, requestId }) {
      return await transaction(async (tx) => {
        let query = tx.selectFrom('api_key').select('revoked_at').where('id', '=', id)
        if (ofUserId !== undefined) query = query.where('user_id', '=', ofUserId)
        const key = await query.forNoKeyUpdate().executeTakeFirst()
        if (key === undefined) return false
        if (key.revoked_at !== null) return true
        await tx
          .updateTable('api_key')
          .set({ revoked_at: sql`bank_now()`, revoked_by: revokedBy })
          .where('id', '=', id)
          .execute()
        await recordAuditEvent(tx, {
          kind: 'api_key.revoked',
          actorId: revokedBy,
          subject: { prefix: 'key', id },
          requestId,
        })
        return true
      })
    },
  }
}

interface ApiKeyRow {
  id: Uuid
  user_id: Uuid
  name: string
  scopes: string[]
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the insert above writes it
    scopes: row.scopes as Scope[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }
}
