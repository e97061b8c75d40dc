/**
 * Sessions as they are stored: one row per login, which each refresh moves on by one generation, and
 * which ends once. Each write is one tx with its row of the audit trail.
 *
 * A refresh compares and sets in one statement, so that of many at once one moves the row on and the
 * others find it moved. Whoever changes a password first changes the user and then, in a later
 * statement of the same tx, ends sessions; opening one locks the user `FOR SHARE`: so no session for
 * the old password is left over.
 */
import { sql, type Kysely } from 'kysely'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { toUser, userColumns, type UserRow } from '../users/columns.ts'
import type { User } from '../users/user.ts'
import { endSessions, type SessionEndReason } from './ending-store.ts'

export interface NewSession {
  id: Uuid
  userId: Uuid
  /** The hash that the password was compared with. */
  passwordHash: string
  refreshHash: Buffer
  lifetimes: SessionLifetimes
  userAgent: string | null
  /** An IPv4 or IPv6 address without a zone. */
  address: string | null
  requestId: string | null
}

export interface SessionLifetimes {
  refreshSeconds: number
  /** Until nothing of it counts by itself: the longer of its two tokens. */
  sessionSeconds: number
}

export interface OpenedSession {
  accessEpoch: number
  refreshExpiresAt: Date
}

export interface RefreshStep {
  sessionId: Uuid
  /** Of the token that was presented. */
  generation: number
  hash: Buffer
  successorHash: Buffer
  lifetimes: SessionLifetimes
}

/**
 * `moved_on`: the row has left that generation. `over`: there is no such session any more, or the
 * token is too old, or its user is disabled.
 */
export type RefreshResult =
  | ({ kind: 'refreshed'; user: User } & OpenedSession)
  | ({ kind: 'moved_on'; user: User } & OpenedSession & MovedOn)
  | { kind: 'over' }

export interface MovedOn {
  /** The generation that the row has now, its hash, and how long ago it came there. */
  generation: number
  hash: Buffer
  ageMilliseconds: number
}

export interface StoredSession {
  id: Uuid
  userAgent: string | null
  address: string | null
  createdAt: Date
  refreshedAt: Date
  expiresAt: Date
}

export interface EndRequest {
  sessionId: Uuid
  userId: Uuid
  reason: SessionEndReason
  requestId: string | null
}

export interface SessionStore {
  /**
   * Records a session. `undefined`, and nothing is recorded, when the user was disabled or got another
   * password since the comparison.
   */
  open(session: NewSession): Promise<OpenedSession | undefined>
  refresh(step: RefreshStep): Promise<RefreshResult>
  /** Newest first, only those that still count. */
  list(page: { userId: Uuid; before?: Uuid | undefined; limit: number }): Promise<StoredSession[]>
  /** False when that user has no such session that still counts. */
  end(request: EndRequest): Promise<boolean>
  /** Whose session it is, or was. */
  ownerOf(sessionId: Uuid): Promise<Uuid | undefined>
  /** Ends every session of the user. */
  endAll(request: Omit<EndRequest, 'sessionId'>): Promise<void>
}

export function createSessionStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): SessionStore {
  return {
    open: (session) => transaction((tx) => open(tx, session)),
    refresh: (step) => transaction((tx) => refresh(tx, step)),

    // Index session_user_id read backwards; ended ones are passed over.
    async list({ userId, before, limit }) {
      let query = kysely
        .selectFrom('session')
        .select([
          'id',
          'user_agent',
          sql<string | null>`host(address)`.as('address'),
          'created_at',
          sql<Date>`coalesce(refreshed_at, created_at)`.as('refreshed_at'),
          sql<Date>`expires_at`.as('expires_at'),
        ])
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .where('expires_at', '>', sql<Date>`bank_now()`)
      if (before !== undefined) query = query.where('id', '<', before)
      const rows = await query.orderBy('id', 'desc').limit(limit).execute()
      return rows.map((row) => ({
        id: row.id,
        userAgent: row.user_agent,
        address: row.address,
        createdAt: row.created_at,
        refreshedAt: row.refreshed_at,
        expiresAt: row.expires_at,
      }))
    },

    async end({ sessionId, userId, reason, requestId }) {
      return await transaction(async (tx) => {
        const ended = await endSessions(tx, { userId, onlyId: sessionId, reason })
        if (ended.length === 0) return false
        await recordEnd(tx, { sessionId, userId, reason, requestId })
        return true
      })
    },

    async ownerOf(sessionId) {
      const session = await kysely
        .selectFrom('session')
        .select('user_id')
        .where('id', '=', sessionId)
        .executeTakeFirst()
      return session?.user_id
    },

    async endAll({ userId, reason, requestId }) {
      await transaction(async (tx) => {
        const { length: count } = await endSessions(tx, { userId, reason })
        await recordAuditEvent(tx, {
          kind: 'user.sessions_ended',
          actorId: userId,
          subject: { prefix: 'user', id: userId },
          facts: { reason, count },
          requestId,
        })
      })
    },
  }
}

async function open(tx: Kysely<DB>, session: NewSession): Promise<OpenedSession | undefined> {
  const { id, userId, passwordHash, refreshHash, lifetimes, userAgent, address } = session
  const user = await tx
    .selectFrom('app_user')
    .select('access_epoch')
    .where('id', '=', userId)
    .where('status', '=', 'active')
    .where('password_hash', '=', passwordHash)
    .forShare()
    .executeTakeFirst()
  if (user === undefined) return undefined
  const { refresh_expires_at } = await tx
    .insertInto('session')
    .values({
      id,
      user_id: userId,
      user_agent: userAgent,
      address,
      refresh_hash: refreshHash,
      ...expiries(lifetimes),
    })
    .returning(sql<Date>`refresh_expires_at`.as('refresh_expires_at'))
    .executeTakeFirstOrThrow()
  await recordAuditEvent(tx, {
    kind: 'session.opened',
    actorId: userId,
    subject: { prefix: 'sess', id },
    requestId: session.requestId,
  })
  return { accessEpoch: Number(user.access_epoch), refreshExpiresAt: refresh_expires_at }
}

async function refresh(tx: Kysely<DB>, step: RefreshStep): Promise<RefreshResult> {
  const { sessionId, generation, hash, successorHash, lifetimes } = step
  const moved = await tx
    .updateTable('session')
    .from('app_user')
    .set({
      refresh_generation: generation + 1,
      refresh_hash: successorHash,
      refreshed_at: sql`bank_now()`,
      ...expiries(lifetimes),
    })
    .whereRef('app_user.id', '=', 'session.user_id')
    .where('app_user.status', '=', 'active')
    .where('session.id', '=', sessionId)
    .where('refresh_generation', '=', String(generation))
    .where('refresh_hash', '=', hash)
    .where('ended_at', 'is', null)
    .where('refresh_expires_at', '>', sql<Date>`bank_now()`)
    .returning([...userColumns, 'app_user.access_epoch'])
    .returning(sql<Date>`refresh_expires_at`.as('refresh_expires_at'))
    .$narrowType<UserRow>()
    .executeTakeFirst()
  if (moved !== undefined) return { kind: 'refreshed', ...opened(moved) }
  // A statement of its own: it sees what the winner of a race committed.
  const row = await tx
    .selectFrom('session')
    .innerJoin('app_user', 'app_user.id', 'session.user_id')
    .select([...userColumns, 'app_user.access_epoch', 'refresh_generation'])
    .select([
      sql<Date>`refresh_expires_at`.as('refresh_expires_at'),
      sql<Buffer>`refresh_hash`.as('refresh_hash'),
      sql<number>`(extract(epoch from bank_now() - refreshed_at) * 1000)::float8`.as('age'),
    ])
    .where('session.id', '=', sessionId)
    .where('app_user.status', '=', 'active')
    .where('ended_at', 'is', null)
    .where('refresh_generation', '>', String(generation))
    .$narrowType<UserRow>()
    .executeTakeFirst()
  if (row === undefined) return { kind: 'over' }
  return {
    kind: 'moved_on',
    ...opened(row),
    generation: Number(row.refresh_generation),
    hash: row.refresh_hash,
    ageMilliseconds: row.age,
  }
}

function opened(row: UserRow & { access_epoch: string; refresh_expires_at: Date }) {
  const { access_epoch: epoch, refresh_expires_at: refreshExpiresAt } = row
  return { user: toUser(row), accessEpoch: Number(epoch), refreshExpiresAt }
}

function expiries({ refreshSeconds, sessionSeconds }: SessionLifetimes) {
  return {
    refresh_expires_at: sql<Date>`bank_now() + make_interval(secs => ${refreshSeconds})`,
    expires_at: sql<Date>`bank_now() + make_interval(secs => ${sessionSeconds})`,
  }
}

async function recordEnd(tx: Kysely<DB>, { sessionId, userId, reason, requestId }: EndRequest) {
  await recordAuditEvent(tx, {
    kind: reason === 'refresh_token_reused' ? 'session.reused' : 'session.ended',
    // Whoever holds a spent token may not be the user.
    actorId: reason === 'refresh_token_reused' ? null : userId,
    subject: { prefix: 'sess', id: sessionId },
    facts: { reason },
    requestId,
  })
}
