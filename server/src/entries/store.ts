/**
 * Reads of entries: one account's view of its transfers, newest first.
 *
 * A page is a merge append over the two unique indexes of `transfer`, one per side, and the names
 * are joined to its rows only. Measured on 300,000 transfers of which 200,000 meet in one account
 * (PostgreSQL 18): the first page of 20 and one from the middle read 10 buffers each, and three
 * more per row and join. A point in time is found in O(log n) by bisection over seq, which is
 * gapless and along which an account's times never fall, so `created_at` needs no index.
 */
import { sql } from 'kysely'
import type { NotNull } from 'kysely'
import type { Database } from '../database/database.ts'
import { toBigInt, toSafeInteger } from '../database/convert.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Minor } from '../kernel/money.ts'
import type { Side } from '../ledger/ledger.ts'

export interface Entry {
  seq: number
  transferId: Uuid
  /** Positive where it adds to the account's balance. */
  amount: Minor
  balanceAfter: bigint
  counterpartyAccountId: Uuid
  /** The full name of the customer, or the code of the bank's own account. */
  counterpartyName: string
  description: string | null
  reference: string | null
  createdAt: Date
}

export interface EntryPage {
  accountId: Uuid
  normalSide: Side
  /** The lowest seq to return. */
  seqMin: number | undefined
  /** Only entries with a seq below this one. */
  seqBefore: number | undefined
  limit: number
}

export interface EntryStore {
  list(page: EntryPage): Promise<Entry[]>
  /** The seq of the first entry at or after `time`; one past the last entry when there is none. */
  firstSeqSince(accountId: Uuid, time: Date): Promise<number>
}

export function createEntryStore({ kysely }: Pick<Database, 'kysely'>): EntryStore {
  // Indexes transfer_debit_entry and transfer_credit_entry backwards, no sort, locks nothing.
  function pageOf({ accountId, seqMin, seqBefore, limit }: EntryPage) {
    let query = kysely.selectFrom('entry').selectAll().where('account_id', '=', accountId)
    if (seqMin !== undefined) query = query.where('seq', '>=', String(seqMin))
    if (seqBefore !== undefined) query = query.where('seq', '<', String(seqBefore))
    return query.orderBy('seq', 'desc').limit(limit).as('page')
  }

  return {
    async list(page) {
      const rows = await kysely
        .selectFrom(pageOf(page))
        .leftJoin('transfer_text as words', 'words.transfer_id', 'page.transfer_id')
        .leftJoin('account as other', 'other.id', 'page.counterparty_account_id')
        .leftJoin('app_user as owner', 'owner.id', 'other.owner_id')
        .leftJoin('bank_account as bank', 'bank.account_id', 'page.counterparty_account_id')
        .select([
          'page.seq',
          'page.side',
          'page.transfer_id',
          'page.counterparty_account_id',
          'page.amount',
          'page.balance_after',
          'page.created_at',
          'words.description',
          'words.reference',
        ])
        .select((columns) => columns.fn.coalesce('owner.full_name', 'bank.code').as('other_name'))
        // The columns of a view have no constraints of their own; those of `transfer` hold. An
        // account belongs to a user or is the bank's own, so one of the two names is there.
        .$narrowType<{
          seq: NotNull
          side: Side
          transfer_id: NotNull
          counterparty_account_id: NotNull
          amount: NotNull
          balance_after: NotNull
          created_at: NotNull
          other_name: NotNull
        }>()
        .orderBy('page.seq', 'desc')
        .execute()
      return rows.map((row) => {
        const amount = toSafeInteger(row.amount)
        return {
          seq: toSafeInteger(row.seq),
          transferId: row.transfer_id,
          amount: row.side === page.normalSide ? amount : -amount,
          balanceAfter: toBigInt(row.balance_after),
          counterpartyAccountId: row.counterparty_account_id,
          counterpartyName: row.other_name,
          description: row.description,
          reference: row.reference,
          createdAt: row.created_at,
        }
      })
    },

    // One row. All entries with a seq below `low` are before the time, all from `high` on are not;
    // each step reads one entry through the unique indexes and halves what lies between.
    async firstSeqSince(accountId, time) {
      const { rows } = await sql<{ seq: string }>`
        with recursive bisection (low, high) as (
          select 1::bigint, version + 1 from account where id = ${accountId}
          union all
          select
            case when entry.created_at < ${time} then step.middle + 1 else step.low end,
            case when entry.created_at < ${time} then step.high else step.middle end
          from (
            select low, high, (low + high) / 2 as middle from bisection where low < high
          ) as step
          join entry on entry.account_id = ${accountId} and entry.seq = step.middle
        )
        select low as seq from bisection where low = high
      `.execute(kysely)
      const [row] = rows
      // An account that is absent has no entries.
      return row ? toSafeInteger(row.seq) : 1
    },
  }
}
