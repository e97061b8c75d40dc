/**
 * Ending sessions inside of the tx of their cause: a logout, another password, a disabled user.
 * Access tokens and refresh tokens of an ended session count no more, on every server, from the
 * COMMIT on. In the tx of a change of the user it comes after that change: see store.ts.
 */
import { sql, type Kysely } from 'kysely'
import type { DB } from '../../database/schema.generated.ts'
import type { Uuid } from '../../kernel/ids.ts'

export type SessionEndReason =
  | 'logged_out'
  | 'refresh_token_reused'
  | 'password_changed'
  | 'password_reset'
  | 'user_disabled'
  | 'ended_by_admin'

export interface EndSessionsRequest {
  userId: Uuid
  reason: SessionEndReason
  /** Only this one, if it is the user's. */
  onlyId?: Uuid
  /** All but this one. */
  exceptId?: Uuid | undefined
}

/**
 * The ids of the sessions that were ended; those that had ended or expired are left as they are.
 * Index session_user_id. It locks rows in no order: of two that end the same user's sessions at once
 * the database may undo one, which then runs again.
 */
export async function endSessions(
  tx: Kysely<DB>,
  { userId, reason, onlyId, exceptId }: EndSessionsRequest,
): Promise<Uuid[]> {
  let query = tx
    .updateTable('session')
    .set({ ended_at: sql`bank_now()`, end_reason: reason })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    // Those of a server of the version before have no such time: their access tokens may count.
    .where(sql<boolean>`(expires_at is null or expires_at > bank_now())`)
  if (onlyId !== undefined) query = query.where('id', '=', onlyId)
  if (exceptId !== undefined) query = query.where('id', '<>', exceptId)
  return (await query.returning('id').execute()).map(({ id }) => id)
}
