/** What sending a mail reads and writes: whom an address belongs to, and the tokens of links. */
import { sql, type Kysely } from 'kysely'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Uuid } from '../../kernel/ids.ts'

export type LinkPurpose = 'email_confirmation' | 'password_reset'

export interface MailReader {
  id: Uuid
  username: string
  email: string
  emailVerified: boolean
}

export interface NewLinkToken {
  hash: Buffer
  purpose: LinkPurpose
  userId: Uuid
  email: string
  /** Where somebody asked for a new password: the audit trail has it, once for each request. */
  request?: { id: string | null } | undefined
}

export interface MailStore {
  /** An active user. */
  find(userId: Uuid): Promise<MailReader | undefined>
  /** The active user who has confirmed that address, in capitals or not. */
  findHolder(email: string): Promise<MailReader | undefined>
  /** False, and nothing is stored, where the address has been sent enough of late. */
  addToken(token: NewLinkToken): Promise<boolean>
  removeToken(hash: Buffer): Promise<void>
}

export const linkMinutes = 15

/** Per address and purpose, while they count: who floods a mailbox stops here. */
export const linksMax = 5

export function createMailStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): MailStore {
  const readers = kysely
    .selectFrom('app_user')
    .select(['id', 'username', 'email', 'email_verified'])
    .where('status', '=', 'active')

  return {
    async find(userId) {
      const row = await readers.where('id', '=', userId).executeTakeFirst()
      return row && toReader(row)
    },

    // Index app_user_verified_email.
    async findHolder(email) {
      const row = await readers
        .where(sql`lower(email)`, '=', sql`lower(${email})`)
        .where('email_verified', '=', true)
        .executeTakeFirst()
      return row && toReader(row)
    },

    // Index mail_token_email. Mails to one address take turns, by an advisory lock of the tx, so that
    // two at once are not both the last one that is let through.
    async addToken({ hash, purpose, userId, email, request }) {
      return await transaction(async (tx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended(lower(${email}), 0))`.execute(tx)
        const ofAddress = sql<boolean>`lower(email) = lower(${email}) and purpose = ${purpose}`
        await tx
          .deleteFrom('mail_token')
          .where(ofAddress)
          .where('expires_at', '<', sql<Date>`bank_now()`)
          .execute()
        const { count } = await tx
          .selectFrom('mail_token')
          .select(({ fn }) => fn.countAll<string>().as('count'))
          .where(ofAddress)
          .executeTakeFirstOrThrow()
        if (Number(count) >= linksMax) return false
        const expiresAt = sql<Date>`bank_now() + make_interval(mins => ${linkMinutes}::integer)`
        await tx
          .insertInto('mail_token')
          .values({ hash, purpose, user_id: userId, email, expires_at: expiresAt })
          .execute()
        if (request) await recordRequest(tx, userId, request.id)
        return true
      })
    },

    async removeToken(hash) {
      await transaction((tx) => tx.deleteFrom('mail_token').where('hash', '=', hash).execute())
    },
  }
}

/**
 * Only of an address that somebody has, and in the tx of its token: the request itself does the same
 * for every address, so only auditors can tell. A mail that is tried again was asked for once. Index
 * audit_event_subject.
 */
async function recordRequest(
  tx: Kysely<DB>,
  userId: Uuid,
  requestId: string | null,
): Promise<void> {
  const kind = 'user.password_reset_requested'
  const before = await tx
    .selectFrom('audit_event')
    .select('id')
    .where('subject_id', '=', userId)
    .where('kind', '=', kind)
    .where('request_id', '=', requestId)
    .executeTakeFirst()
  if (before !== undefined) return
  // Whoever asked has not shown to be anyone.
  const subject = { prefix: 'user', id: userId } as const
  await recordAuditEvent(tx, { kind, actorId: null, subject, requestId })
}

function toReader(row: {
  id: Uuid
  username: string
  email: string
  email_verified: boolean
}): MailReader {
  const { id, username, email } = row
  return { id, username, email, emailVerified: row.email_verified }
}
