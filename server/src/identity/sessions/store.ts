/** Sessions as they are stored: one row per login, never changed. */
import { sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Uuid } from '../../kernel/ids.ts'

export interface NewSession {
  id: Uuid
  userId: Uuid
  /** The hash that the password was compared with. */
  passwordHash: string
  userAgent: string | null
  /** An IPv4 or IPv6 address without a zone. */
  address: string | null
}

export interface SessionStore {
  /**
   * Records a session, in one tx that inserts one row. False, and nothing is recorded, when the user
   * was disabled or got another password since the comparison.
   */
  open(session: NewSession): Promise<boolean>
}

export function createSessionStore({ transaction }: Pick<Database, 'transaction'>): SessionStore {
  return {
    async open({ id, userId, passwordHash, userAgent, address }) {
      return await transaction(async (tx) => {
        const result = await tx
          .insertInto('session')
          .columns(['id', 'user_id', 'user_agent', 'address'])
          .expression((from) =>
            from
              .selectFrom('app_user')
              .select([
                sql<Uuid>`${id}::uuid`.as('id'),
                'app_user.id as user_id',
                sql<string | null>`${userAgent}::text`.as('user_agent'),
                sql<string | null>`${address}::inet`.as('address'),
              ])
              .where('app_user.id', '=', userId)
              .where('app_user.status', '=', 'active')
              .where('app_user.password_hash', '=', passwordHash),
          )
          .executeTakeFirst()
        return result.numInsertedOrUpdatedRows === 1n
      })
    },
  }
}
