/** What a daily limit would have counted, for an account that gets one in the middle of a day. */
import { type Kysely, sql } from 'kysely'
import { present } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { toBigInt } from '../../database/convert.ts'
import type { DB } from '../../database/schema.generated.ts'

/** More than the clocks of servers, which hold ids carry, and of the database differ by. */
const clockMarginMilliseconds = 24 * 60 * 60 * 1000

/**
 * The transfers and the holds that left the account since then, less what holds have given back; the
 * caller has the account's lock, so nothing is added meanwhile. One row.
 *
 * The first entry is found by bisection over seq, as in `entries/store.ts`, and the debit side is read
 * from there on (index transfer_debit_entry); holds by the time that their ids carry (index
 * hold_debit_account). Reads as many rows as left the account since then.
 */
export async function readSpent(tx: Kysely<DB>, accountId: Uuid, since: Date): Promise<bigint> {
  const firstHoldId = firstIdOf(since.getTime() - clockMarginMilliseconds)
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
    ), counted (amount) as (
      select amount from transfer
      where debit_account_id = ${accountId} and kind = 'transfer'
        and debit_seq >= (select low from bisection where low = high)
      union all
      select case state when 'active' then amount else captured end from hold
      where debit_account_id = ${accountId} and created_at >= ${since} and id >= ${firstHoldId}
    )
    select coalesce(sum(amount), 0)::text as spent from counted
  `.execute(tx)
  return toBigInt(present(rows[0], 'a sum').spent)
}

/** The least UUIDv7 of that millisecond. */
function firstIdOf(milliseconds: number): Uuid {
  const time = Math.max(0, milliseconds).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}
