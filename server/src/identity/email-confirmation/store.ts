/** Confirming an address: one tx that takes the token and marks the address of its user. */
import { sql } from 'kysely'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import { isUniqueViolation } from '../../database/errors.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { QueueMail } from '../mails/mail-request.ts'

export type ConfirmEmailOutcome = 'confirmed' | 'mail_token_invalid' | 'email_taken'

export interface EmailConfirmationStore {
  /** Asks for a mail to the user's present address. */
  request(userId: Uuid): Promise<void>
  confirm(hash: Buffer, requestId: string): Promise<ConfirmEmailOutcome>
}

export interface EmailConfirmationStoreDependencies {
  transaction: Database['transaction']
  queueMail: QueueMail
}

export function createEmailConfirmationStore({
  transaction,
  queueMail,
}: EmailConfirmationStoreDependencies): EmailConfirmationStore {
  return {
    async request(userId) {
      await transaction((tx) => queueMail(tx, { kind: 'email_confirmation', userId }))
    },

    async confirm(hash, requestId) {
      const confirming = transaction(async (tx) => {
        const token = await tx
          .deleteFrom('mail_token')
          .where('hash', '=', hash)
          .where('purpose', '=', 'email_confirmation')
          .where('expires_at', '>', sql<Date>`bank_now()`)
          .returning(['user_id', 'email'])
          .executeTakeFirst()
        if (token === undefined) return 'mail_token_invalid'
        const user = await tx
          .updateTable('app_user')
          .set({ email_verified: true })
          .where('id', '=', token.user_id)
          .where('email', '=', token.email)
          .where('status', '=', 'active')
          .returning('id')
          .executeTakeFirst()
        if (user === undefined) return 'mail_token_invalid'
        await tx
          .deleteFrom('mail_token')
          .where('user_id', '=', user.id)
          .where('purpose', '=', 'email_confirmation')
          .execute()
        await recordAuditEvent(tx, {
          kind: 'user.email_verified',
          actorId: user.id,
          subject: { prefix: 'user', id: user.id },
          requestId,
        })
        return 'confirmed'
      })
      return await orEmailTaken(confirming)
    },
  }
}

/** Several may have had the address unconfirmed; the first to confirm it has it. */
async function orEmailTaken<T>(confirming: Promise<T>): Promise<T | 'email_taken'> {
  try {
    return await confirming
  } catch (error) {
    if (isUniqueViolation(error, 'app_user_verified_email')) return 'email_taken'
    throw error
  }
}
