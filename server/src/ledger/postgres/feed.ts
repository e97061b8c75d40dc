/**
 * The feed: every transfer there is, once and in an order that all readers agree on. A follower keeps
 * the position of the last batch it has dealt with and asks for what comes after; it misses nothing
 * and sees the entries of each account in order of seq.
 */
import { CompiledQuery } from 'kysely'
import { toBigInt, toSafeInteger } from '../../database/convert.ts'
import type { Database } from '../../database/database.ts'
import { statement, type RowOf } from '../../database/statement.ts'
import { assert } from '../../kernel/assert.ts'
import type { PostedFacts } from '../core/types.ts'
import { transferKind } from './rows.ts'

/** The most batches that one read of the feed returns. */
export const feedBatchesMax = 100

/**
 * The transfers of the batches after a position, in order. Indexes: batch_position_key for the range,
 * transfer_pkey for the transfers of each batch, between its first and its last id, transfer_link_pkey. Locks nothing.
 */
export const readFeedTransfers = statement({
  name: 'ledger_read_feed',
  text: `
    select b.position, t.id, t.kind, t.principal_id, t.debit_account_id, t.credit_account_id,
      t.amount, t.currency, t.debit_seq, t.credit_seq, t.debit_balance_after,
      t.credit_balance_after, t.created_at, l.reverses_id, l.hold_id, l.group_id
    from (
      select id, position, first_transfer_id, last_transfer_id from batch
      where position > $1::bigint order by position limit $2::integer
    ) as b
    join lateral (
      select * from transfer
      where id between b.first_transfer_id and b.last_transfer_id and batch_id = b.id
      order by id
      offset 0
    ) as t on true
    left join transfer_link as l on l.transfer_id = t.id
    order by b.position, t.batch_index`,
  parameters: ['bigint', 'integer'],
  columns: {
    position: 'bigint?',
    id: 'uuid',
    kind: 'text',
    principal_id: 'uuid',
    debit_account_id: 'uuid',
    credit_account_id: 'uuid',
    amount: 'bigint',
    currency: 'text',
    debit_seq: 'bigint',
    credit_seq: 'bigint',
    debit_balance_after: 'numeric',
    credit_balance_after: 'numeric',
    created_at: 'timestamp with time zone',
    reverses_id: 'uuid?',
    hold_id: 'uuid?',
    group_id: 'uuid?',
  },
})

export interface FeedBatch {
  position: number
  /** In the order of posting; without their words. */
  transfers: PostedFacts[]
}

/** The first `limit` sealed batches after a position; 0 is before the first. Never part of a batch. */
export async function readFeed(
  database: Database,
  afterPosition: number,
  limit: number = feedBatchesMax,
): Promise<FeedBatch[]> {
  assert(Number.isSafeInteger(afterPosition) && afterPosition >= 0, 'a position is 0 or more')
  assert(limit >= 1 && limit <= feedBatchesMax, 'a read of the feed is bounded')
  const query = CompiledQuery.raw(readFeedTransfers.text, [afterPosition, limit])
  const { rows } = await database.transaction((tx) =>
    tx.executeQuery<RowOf<typeof readFeedTransfers>>(query),
  )
  const batches: FeedBatch[] = []
  for (const row of rows) {
    const position = toSafeInteger(row.position ?? '')
    const last = batches.at(-1)
    if (last?.position === position) {
      last.transfers.push(readFacts(row))
    } else {
      const expected = (last?.position ?? afterPosition) + 1
      assert(position === expected, 'positions have no gap')
      batches.push({ position, transfers: [readFacts(row)] })
    }
  }
  return batches
}

function readFacts(row: RowOf<typeof readFeedTransfers>): PostedFacts {
  return {
    id: row.id,
    kind: transferKind(row.kind),
    principalId: row.principal_id,
    debitAccountId: row.debit_account_id,
    creditAccountId: row.credit_account_id,
    amount: toSafeInteger(row.amount),
    currency: row.currency,
    debitSeq: toSafeInteger(row.debit_seq),
    creditSeq: toSafeInteger(row.credit_seq),
    debitBalanceAfter: toBigInt(row.debit_balance_after),
    creditBalanceAfter: toBigInt(row.credit_balance_after),
    reversesId: row.reverses_id,
    holdId: row.hold_id,
    groupId: row.group_id,
    createdAt: row.created_at,
  }
}
