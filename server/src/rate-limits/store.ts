/**
 * The buckets that all servers share. One statement takes from all buckets of a try, and one gives
 * back: see the functions of the migration for what they lock and in which order. Both run in a tx,
 * where the role of the server applies.
 */
import { sql, type RawBuilder } from 'kysely'
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
  /** Deletes what says no more than its absence would, a piece in each tx. */
  sweep(): Promise<void>
}

const knownDays = 180
const rowsPerPiece = 2_000

export function createRateLimitStore({
  transaction,
}: Pick<Database, 'transaction'>): RateLimitStore {
  /** Of `table` what fulfils `condition`; rows that are locked are in use, and left for the next time. */
  async function removePieces(
    table: 'rate_limit' | 'known_source',
    condition: RawBuilder<boolean>,
  ) {
    for (let removed = rowsPerPiece; removed === rowsPerPiece;) {
      removed = await transaction(async (tx) => {
        const piece = tx
          .selectFrom(table)
          .select('key')
          .where(condition)
          .limit(rowsPerPiece)
          .forUpdate()
          .skipLocked()
        const { numDeletedRows } = await tx
          .deleteFrom(table)
          .where('key', 'in', piece)
          .executeTakeFirst()
        return Number(numDeletedRows)
      })
    }
  }

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

    // Each piece reads the table up to where it is full.
    async sweep() {
      await removePieces('rate_limit', sql`full_at < bank_now()`)
      await removePieces(
        'known_source',
        sql`seen_at < bank_now() - make_interval(days => ${knownDays})`,
      )
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
