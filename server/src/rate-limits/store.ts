/**
 * The buckets that all servers share. One statement takes from all buckets of a try, and one gives
 * back: see the functions of the migration for what they lock and in which order. Both run in a tx,
 * where the role of the server applies.
 */
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Rate } from './policy.ts'

export interface Bucket {
  /** 16 bytes. */
  key: Buffer
  rate: Rate
}

/** What came of asking a bucket. */
export interface Taken {
  /** Which of the buckets, from 0. */
  index: number
  isAllowed: boolean
  remaining: number
  waitMilliseconds: number
  fullMilliseconds: number
}

export interface RateLimitStore {
  /** One from each in turn, up to the first that is empty. With `knownKey` the last one may be left. */
  take(buckets: readonly Bucket[], knownKey: Buffer | undefined): Promise<Taken[]>
  /** Gives back; `isRefilled` says of which kind a bucket is filled up. */
  giveBack(
    buckets: readonly (Bucket & { isRefilled: boolean })[],
    knownKey: Buffer | undefined,
  ): Promise<void>
  /** Deletes what says no more than its absence would. */
  sweep(): Promise<void>
}

const knownDays = 180

export function createRateLimitStore({
  transaction,
}: Pick<Database, 'transaction'>): RateLimitStore {
  return {
    async take(buckets, knownKey) {
      const { rows } = await transaction((tx) =>
        sql<TakenRow>`select place, is_allowed, remaining, wait_ms, full_ms
          from take_from_rate_limits(${buckets.map(({ key }) => key)}::bytea[],
            ${buckets.map(({ rate }) => rate.count)}::integer[],
            ${buckets.map(periodOf)}::interval[], ${knownKey ?? null}::bytea)`.execute(tx),
      )
      return rows.map((row) => ({
        index: row.place - 1,
        isAllowed: row.is_allowed,
        remaining: row.remaining,
        waitMilliseconds: Number(row.wait_ms),
        fullMilliseconds: Number(row.full_ms),
      }))
    },

    async giveBack(buckets, knownKey) {
      const periods = buckets.map((bucket) => (bucket.isRefilled ? null : periodOf(bucket)))
      await transaction((tx) =>
        sql`select give_back_to_rate_limits(${buckets.map(({ key }) => key)}::bytea[],
          ${buckets.map(({ rate }) => rate.count)}::integer[],
          ${periods}::interval[], ${knownKey ?? null}::bytea)`.execute(tx),
      )
    },

    // Both read the whole table. Rows that are locked are in use, and left for the next time.
    async sweep() {
      await transaction(async (tx) => {
        const full = tx
          .selectFrom('rate_limit')
          .select('key')
          .where(sql<boolean>`full_at < bank_now()`)
          .forUpdate()
          .skipLocked()
        await tx.deleteFrom('rate_limit').where('key', 'in', full).execute()
        const old = tx
          .selectFrom('known_source')
          .select('key')
          .where(sql<boolean>`seen_at < bank_now() - make_interval(days => ${knownDays})`)
          .forUpdate()
          .skipLocked()
        await tx.deleteFrom('known_source').where('key', 'in', old).execute()
      })
    },
  }
}

interface TakenRow {
  place: number
  is_allowed: boolean
  remaining: number
  wait_ms: string
  full_ms: string
}

function periodOf({ rate }: Bucket): string {
  return `${rate.periodMilliseconds} milliseconds`
}
