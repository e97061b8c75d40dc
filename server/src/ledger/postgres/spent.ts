/** What a daily limit would have counted, for an account that gets one in the middle of a day. */
import { type Kysely, sql } from 'kysely'
import { present } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { toBigInt } from '../../database/convert.ts'
import type { DB } from '../../database/schema.generated.ts'

/**
 * The transfers and the holds that left the account since then, less what holds have given back; the
 * caller has the account's lock, so nothing is added meanwhile. One row.
 *
 * The first entry is found by bisection over seq, as in `entries/store.ts`, and the debit side is read
 * from there on (index transfer_debit_entry). Of the holds only the active ones count (index
 * hold_active), and those that were captured: by an entry since then, for no capture is booked before
 * its hold (indexes transfer_link_pkey, hold_pkey; `offset 0` keeps each look-up a look-up). By the
 * times of the bank alone and not by those that ids carry, for these are of other clocks. Reads as
 * many rows as left the account since then, and its active holds.
 */
export async function readSpent(tx: Kysely<DB>, accountId: Uuid, since: Date): Promise<bigint> {
  const { rows } = await sql<{ spent: string }>`
    with recursive bisection (low, high) as (
      select 1::bigint, version + 1 from account where id = ${accountId}
      union all
      select
        case when entry.created_at < ${since} then step.middle + 1 else step.low end,
        case when entry.created_at < ${since} then step.high else step.middle end
      from (
        select low, high, (low + high) / 2 as middle from bisection where low < high
      ) as step
      join entry on entry.account_id = ${accountId} and entry.seq = step.middle
    ), posted as materialized (
      select id, kind, amount from transfer
      where debit_account_id = ${accountId} and kind in ('transfer', 'capture')
        and debit_seq >= (select low from bisection where low = high)
    ), counted (amount) as (
      select amount from posted where kind = 'transfer'
      union all
      select h.captured from posted as p
        cross join lateral (
          select hold_id from transfer_link where transfer_id = p.id offset 0
        ) as l
        cross join lateral (
          select captured, created_at from hold where id = l.hold_id offset 0
        ) as h
      where p.kind = 'capture' and h.created_at >= ${since}
      union all
      select amount from hold
      where debit_account_id = ${accountId} and state = 'active' and created_at >= ${since}
    )
    select coalesce(sum(amount), 0)::text as spent from counted
  `.execute(tx)
  return toBigInt(present(rows[0], 'a sum').spent)
}
