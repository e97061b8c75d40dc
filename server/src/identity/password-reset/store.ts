/** Setting a password with a mailed link: one tx that takes the token and ends all sessions. */
import { sql } from 'kysely'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { QueueMail } from '../mails/mail-request.ts'
import { endSessions } from '../sessions/ending-store.ts'

export interface PasswordResetStore {
  /** Asks for a mail, whether anyone has the address or not. */
  request(email: string, requestId: string): Promise<void>
  /**
   * Whether that token counts at this moment: for the active user of its address, while that is
   * confirmed, and until the password changes.
   */
  isUsable(hash: Buffer): Promise<boolean>
  /** False, and nothing is changed, when the token counts no more. */
  reset(hash: Buffer, passwordHash: string, requestId: string): Promise<boolean>
}

export interface PasswordResetStoreDependencies {
  kysely: Database['kysely']
  transaction: Database['transaction']
  queueMail: QueueMail
}

export function createPasswordResetStore({
  kysely,
  transaction,
  queueMail,
}: PasswordResetStoreDependencies): PasswordResetStore {
  return {
    async request(email, requestId) {
      await transaction((tx) => queueMail(tx, { kind: 'password_reset', email, requestId }))
    },

    async isUsable(hash) {
      const token = await kysely
        .selectFrom('mail_token')
        .innerJoin('app_user', 'app_user.id', 'mail_token.user_id')
        .select('mail_token.hash')
        .where('mail_token.hash', '=', hash)
        .where('mail_token.purpose', '=', 'password_reset')
        .where('mail_token.expires_at', '>', sql<Date>`bank_now()`)
        .whereRef('mail_token.email', '=', 'app_user.email')
        .whereRef('mail_token.created_at', '>=', 'app_user.password_changed_at')
        .where('app_user.email_verified', '=', true)
        .where('app_user.status', '=', 'active')
        .executeTakeFirst()
      return token !== undefined
    },

    async reset(hash, passwordHash, requestId) {
      return await transaction(async (tx) => {
        // Of two at once one deletes it; the other waits for that and finds it gone.
        const token = await tx
          .deleteFrom('mail_token')
          .where('hash', '=', hash)
          .where('purpose', '=', 'password_reset')
          .where('expires_at', '>', sql<Date>`bank_now()`)
          .returning(['user_id', 'email', 'created_at'])
          .executeTakeFirst()
        if (token === undefined) return false
        const user = await tx
          .updateTable('app_user')
          .set({ password_hash: passwordHash, password_changed_at: sql`bank_now()` })
          .where('id', '=', token.user_id)
          .where('email', '=', token.email)
          .where('email_verified', '=', true)
          .where('status', '=', 'active')
          .where('password_changed_at', '<=', token.created_at)
          .returning('id')
          .executeTakeFirst()
        if (user === undefined) return false
        const userId = user.id
        await tx
          .deleteFrom('mail_token')
          .where('user_id', '=', userId)
          .where('purpose', '=', 'password_reset')
          .execute()
        await endSessions(tx, { userId, reason: 'password_reset' })
        await recordAuditEvent(tx, {
          kind: 'user.password_reset',
          actorId: userId,
          subject: { prefix: 'user', id: userId },
          requestId,
        })
        await queueMail(tx, { kind: 'notice', notice: 'password_reset', userId })
        return true
      })
    },
  }
}
