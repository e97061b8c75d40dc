/**
 * Deletes what identity needs no more, a piece in each tx. Nothing that is deleted could count again:
 * a refresh token of a session that is over is refused whether or not its row is there, and sessions
 * that are alive keep theirs, by which a spent token is known. One server at a time does it.
 */
import { sql, type Kysely } from 'kysely'
import { toSafeInteger } from '../../database/convert.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Uuid } from '../../kernel/ids.ts'

export type CleanedUp = 'session' | 'mail_token' | 'second_factor_challenge'

export interface Piece {
  removed: number
  /** Where the next piece begins; `undefined` when this was the last, or another server is at work. */
  next: Uuid | undefined
}

export interface CleanupStore {
  /** Sessions that have ended or expired that long ago, from the oldest on. */
  removeSessions(after: Uuid): Promise<Piece>
  /** Links and challenges that have expired that long ago; `next` is the same place again. */
  removeExpired(what: Exclude<CleanedUp, 'session'>): Promise<Piece>
}

/** How long things stay after they have stopped to count, for whoever asks what happened. */
export const keptDays = { session: 30, mail_token: 1, second_factor_challenge: 1 } as const

/**
 * Sessions of a server that knew no ends: what was made from them counted for 90 days at the most,
 * which is the longest REFRESH_TOKEN_DURATION.
 */
const endlessDays = 90

export const firstId: Uuid = '00000000-0000-0000-0000-000000000000'

/** As good as any number that no other part of the program takes. */
const cleanupLock = 7_313_402_215

export function createCleanupStore(
  { transaction }: Pick<Database, 'transaction'>,
  { rowsPerPiece = 2_000 } = {},
): CleanupStore {
  /** Nothing where another server is at work. */
  async function alone(work: (tx: Kysely<DB>) => Promise<Piece>): Promise<Piece> {
    return await transaction(async (tx) => {
      const lock = await sql<{ is_ours: boolean }>`
        select pg_try_advisory_xact_lock(${cleanupLock}) as is_ours`.execute(tx)
      return lock.rows[0]?.is_ours === true ? await work(tx) : { removed: 0, next: undefined }
    })
  }

  return {
    // Index session_pkey, from the oldest on, up to the ids of the time from which none can be over for
    // so long: an id carries the time at which it was made. Those that are alive are passed over.
    removeSessions: (after) =>
      alone(async (tx) => {
        const { session: days } = keptDays
        const { rows } = await sql<SessionPiece>`
          with piece as materialized (
            select id, coalesce(least(ended_at, expires_at),
                created_at + make_interval(days => ${endlessDays}))
              < bank_now() - make_interval(days => ${days}) as is_over
            from session
            where id > ${after} and id < ${firstIdOf(days - 1)}
            order by id limit ${rowsPerPiece}
          ), gone as (
            delete from session where id in (select id from piece where is_over) returning id
          )
          select (select count(*) from gone) as removed, (select count(*) from piece) as seen,
            (select id from piece order by id desc limit 1) as last`.execute(tx)
        const [row] = rows
        const isLast = Number(row?.seen ?? 0) < rowsPerPiece
        return {
          removed: toSafeInteger(row?.removed ?? '0'),
          next: isLast ? undefined : (row?.last ?? undefined),
        }
      }),

    // Reads the table; it is as long as what was asked for in a day.
    removeExpired: (what) =>
      alone(async (tx) => {
        const table = sql.table(what)
        const { numAffectedRows = 0n } = await sql`
          delete from ${table} where hash in (
            select hash from ${table}
            where expires_at < bank_now() - make_interval(days => ${keptDays[what]})
            limit ${rowsPerPiece}
          )`.execute(tx)
        const removed = Number(numAffectedRows)
        return { removed, next: removed < rowsPerPiece ? undefined : firstId }
      }),
  }
}

interface SessionPiece {
  removed: string
  seen: string
  last: Uuid | null
}

/** The least UUIDv7 of the moment so many days ago. */
function firstIdOf(days: number) {
  const milliseconds = sql`extract(epoch from bank_now() - make_interval(days => ${days})) * 1000`
  return sql`(lpad(to_hex((${milliseconds})::bigint), 12, '0') || '70008000000000000000')::uuid`
}
