/**
 * Challenges as they are stored: a login whose password was right and whose code is awaited. A try is
 * counted and committed before its code is looked at, so that many at once get no more than five.
 */
import { sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Uuid } from '../../kernel/ids.ts'

export interface NewChallenge {
  hash: Buffer
  userId: Uuid
}

export interface Challenge {
  userId: Uuid
  /** The present one: the password is still the one of the first step. */
  passwordHash: string
  triesLeft: number
}

export interface ChallengeStore {
  /** When it ends. Those of the user that have ended are removed. */
  add(challenge: NewChallenge): Promise<Date>
  /**
   * Counts a try. `undefined` when there is none left, or no such challenge any more, or the password
   * has changed since.
   */
  takeTry(hash: Buffer): Promise<Challenge | undefined>
  /** False when another request was first. */
  remove(hash: Buffer): Promise<boolean>
}

export const challengeTriesMax = 5
const challengeMinutes = 5

export function createChallengeStore({
  transaction,
}: Pick<Database, 'transaction'>): ChallengeStore {
  return {
    async add({ hash, userId }) {
      return await transaction(async (tx) => {
        await tx
          .deleteFrom('second_factor_challenge')
          .where('user_id', '=', userId)
          .where('expires_at', '<=', sql<Date>`bank_now()`)
          .execute()
        const expiresAt = sql<Date>`bank_now() + make_interval(mins => ${challengeMinutes}::integer)`
        const row = await tx
          .insertInto('second_factor_challenge')
          .values({ hash, user_id: userId, expires_at: expiresAt })
          .returning('expires_at')
          .executeTakeFirstOrThrow()
        return row.expires_at
      })
    },

    async takeTry(hash) {
      return await transaction(async (tx) => {
        const row = await tx
          .updateTable('second_factor_challenge as challenge')
          .from('app_user')
          .set({ tries: sql`challenge.tries + 1` })
          .where('challenge.hash', '=', hash)
          .where('challenge.tries', '<', challengeTriesMax)
          .where('challenge.expires_at', '>', sql<Date>`bank_now()`)
          .whereRef('app_user.id', '=', 'challenge.user_id')
          .whereRef('app_user.password_changed_at', '<=', 'challenge.created_at')
          .returning(['challenge.user_id', 'app_user.password_hash', 'challenge.tries'])
          .executeTakeFirst()
        if (row === undefined) return undefined
        const triesLeft = challengeTriesMax - row.tries
        return { userId: row.user_id, passwordHash: row.password_hash, triesLeft }
      })
    },

    async remove(hash) {
      const result = await transaction((tx) =>
        tx.deleteFrom('second_factor_challenge').where('hash', '=', hash).executeTakeFirst(),
      )
      return result.numDeletedRows === 1n
    },
  }
}
