/**
 * The checks of the scheduled audit: over the batches of a range of positions, read through indexes
 * and never by reading a table whole. What holds for all entries before the range and for each entry
 * of the range holds for all; what was changed before the range is left to the whole audit.
 *
 * `offset 0` keeps each look-up a look-up: the planner cannot make a join of whole tables of it. What
 * is broken is picked by conditions alone before a check gets its row and its facts: made for every
 * entry, those took longer than all the look-ups.
 */
import { statement } from '../../database/statement.ts'
import { findingColumns, sampleText } from './check.ts'

/**
 * The last position that was given, and the last one of the chunk after a position: as many batches
 * as have the wanted count of transfers together, one at least and a thousand at most; null when
 * there is none. Index: batch_position_key. Locks nothing.
 */
export const chunkAfter = statement({
  name: 'audit_chunk_after',
  text: `
    select (select coalesce(max(position), 0) from batch) as last_position,
      (select max(position) from (
        select position, sum(transfer_count) over (order by position) - transfer_count as before
        from (
          select position, transfer_count from batch
          where position > $1::bigint order by position limit 1000
        ) as next
      ) as summed where before < $2::integer) as chunk_end`,
  parameters: ['bigint', 'integer'],
  columns: { last_position: 'bigint', chunk_end: 'bigint?' },
})

/** The batches of a range, first and last position included in the second only, and their transfers. */
const range = `sealed as materialized (
    select id, position, first_transfer_id, last_transfer_id, transfer_count from batch
    where position > $1::bigint and position <= $2::bigint
  ), posted as materialized (
    select b.position, t.*
    from sealed as b cross join lateral (
      select * from transfer
      where id between b.first_transfer_id and b.last_transfer_id and batch_id = b.id
      offset 0
    ) as t
  )`

/**
 * Batches against their transfers, and each transfer by itself. Indexes: batch_position_key,
 * transfer_pkey. Locks nothing.
 */
export const recentBatches = statement({
  name: 'audit_recent_batches',
  text: sampleText(
    `${range}, content as (
      select b.position, b.transfer_count, count(t.id) as transfers_found,
        count(distinct t.batch_index) as index_count, min(t.batch_index) as first_index,
        max(t.batch_index) as last_index
      from sealed as b left join posted as t on t.position = b.position
      group by b.position, b.transfer_count
    )`,
    `select 'transfer_amount' as check_name, jsonb_build_object('transfer_id', id) as facts
      from posted
      where amount not between 1 and 9007199254740991 or debit_account_id = credit_account_id
      union all
      select 'batch_count', jsonb_build_object('position', position,
        'transfer_count', transfer_count, 'transfers_found', transfers_found)
      from content where transfer_count <> transfers_found
      union all
      select 'batch_index', jsonb_build_object('position', position,
        'first_index', first_index, 'last_index', last_index, 'index_count', index_count)
      from content
      where first_index <> 0 or last_index <> transfers_found - 1 or index_count <> transfers_found
      union all
      select 'position', jsonb_build_object('after', $1::bigint, 'until', $2::bigint,
        'batches_found', count(*))
      from sealed having count(*) <> $2::bigint - $1::bigint`,
  ),
  parameters: ['bigint', 'bigint'],
  columns: findingColumns,
})

/** The entry of an account with a seq, from whichever side of a transfer it is on. */
const entryAt = (accountId: string, seq: string) =>
  `select id, batch_id, debit_seq as seq, debit_balance_after as balance_after, created_at
    from transfer where debit_account_id = ${accountId} and debit_seq = ${seq}
    union all
    select id, batch_id, credit_seq, credit_balance_after, created_at
    from transfer where credit_account_id = ${accountId} and credit_seq = ${seq}`

/**
 * Each entry against the one before it, which may be older than the range, and against its account;
 * and each account, as it is now, against its last entry, which may be younger. An account is looked
 * up once, with the first of its entries (`is_first`), and carried along to the others. Indexes: those
 * of the range, account_pkey, transfer_debit_entry, transfer_credit_entry, batch_pkey. Locks nothing.
 */
export const recentEntries = statement({
  name: 'audit_recent_entries',
  text: sampleText(
    `${range}, side as (
      select debit_account_id as account_id, 'debit' as side, debit_seq as seq, amount, currency,
        debit_balance_after as balance_after, id, position, batch_index, created_at
      from posted
      union all
      select credit_account_id, 'credit', credit_seq, amount, currency, credit_balance_after, id,
        position, batch_index, created_at
      from posted
    ), link as (
      select s.*, lag(s.id) over chain is null as is_first, lag(s.seq) over chain as seq_within,
        lag(s.balance_after) over chain as balance_within,
        lag(s.created_at) over chain as created_at_within
      from side as s
      window chain as (partition by s.account_id order by s.position, s.batch_index)
    ), carried as (
      select l.account_id, l.side, l.seq, l.amount, l.currency, l.balance_after, l.id,
        l.created_at, l.is_first,
        first_value(a.account) over chain as account,
        coalesce(l.seq_within, p.seq, 0) as seq_before,
        coalesce(l.balance_within, p.balance_after, 0) as balance_before,
        coalesce(l.created_at_within, p.created_at) as created_at_before,
        -- The batch of the entry before is sealed later, or not at all.
        p.id is not null and coalesce(p.position >= l.position, true) as is_fed_early,
        n.seq as last_seq, n.balance_after as last_balance, n.created_at as last_created_at
      from link as l
        left join lateral (
          select account from account where id = l.account_id and l.is_first offset 0
        ) as a on true
        left join lateral (
          select e.*, b.position
          from (${entryAt('l.account_id', 'l.seq - 1')}) as e
            left join batch as b on b.id = e.batch_id
          where l.is_first limit 1
        ) as p on true
        left join lateral (
          select * from (${entryAt('l.account_id', '(a.account).version')}) as e
          where l.is_first limit 1
        ) as n on true
      window chain as (partition by l.account_id order by l.position, l.batch_index)
    ), checked as (
      select c.*, (account).version, (account).ledger_balance, (account).booked_at,
        account is null as is_dangling, currency <> (account).currency as is_mixed,
        seq <> seq_before + 1 as is_gap,
        balance_after <> balance_before
          + case when side = (account).normal_side then amount else -amount end as is_unbalanced,
        created_at < created_at_before as is_early,
        is_first and is_fed_early as is_misfed,
        is_first and (account).ledger_balance <> last_balance as is_other_balance,
        (account).version < seq or is_first and (account).version > 0 and last_seq is null
          as is_other_version,
        is_first and (account).booked_at <> last_created_at as is_other_time
      from carried as c
    )`,
    `select v.check_name, jsonb_build_object('account_id', c.account_id) || case v.check_name
          when 'account_balance' then jsonb_build_object(
            'ledger_balance', c.ledger_balance::text, 'expected', c.last_balance::text)
          when 'account_version' then jsonb_build_object(
            'version', c.version, 'expected', greatest(c.last_seq, c.seq))
          when 'account_booked_at' then jsonb_build_object(
            'booked_at', c.booked_at, 'expected', c.last_created_at)
          else jsonb_build_object('seq', c.seq, 'transfer_id', c.id) || case v.check_name
            when 'entry_seq' then jsonb_build_object('seq_before', c.seq_before)
            when 'entry_balance' then jsonb_build_object('side', c.side, 'amount', c.amount,
              'balance_before', c.balance_before::text, 'balance_after', c.balance_after::text)
            when 'entry_time' then jsonb_build_object(
              'created_at', c.created_at, 'created_at_before', c.created_at_before)
            else '{}'::jsonb end
        end as facts
      from checked as c cross join lateral (values
        ('transfer_accounts', c.is_dangling), ('transfer_currency', c.is_mixed),
        ('entry_seq', c.is_gap), ('entry_balance', c.is_unbalanced),
        ('entry_time', c.is_early), ('feed_order', c.is_misfed),
        ('account_balance', c.is_other_balance), ('account_version', c.is_other_version),
        ('account_booked_at', c.is_other_time)
      ) as v(check_name, is_broken)
      where v.is_broken and (c.is_dangling or c.is_mixed or c.is_gap or c.is_unbalanced or c.is_early
        or c.is_misfed or c.is_other_balance or c.is_other_version or c.is_other_time)`,
  ),
  parameters: ['bigint', 'bigint'],
  columns: findingColumns,
})

/**
 * The accounts that the range touched against their active holds, as both are now; and those with the
 * shortest histories, as many as have the third parameter's count of entries together, against the
 * sum of all their entries, and of what counts towards their daily limits (as in
 * `postgres/spent.ts`). Indexes: those of the range, account_pkey, transfer_debit_entry,
 * transfer_credit_entry, hold_active, transfer_link_pkey, hold_pkey. Locks nothing.
 */
export const touchedAccounts = statement({
  name: 'audit_touched_accounts',
  text: sampleText(
    `${range}, touched as (
      select debit_account_id as id from posted union select credit_account_id from posted
    ), state as materialized (
      select a.* from touched as t cross join lateral (
        select id, normal_side, ledger_balance, version, held, spent, spent_since
        from account where id = t.id offset 0
      ) as a
    ), reserved as (
      select s.id, s.held, h.held_expected
      from state as s cross join lateral (
        select coalesce(sum(amount), 0) as held_expected from hold
        where debit_account_id = s.id and state = 'active'
      ) as h
    ), short as (
      select * from (
        select *, sum(version) over (order by version, id) as entry_count from state
      ) as counted where entry_count <= $3::integer
    ), recomputed as (
      select s.*, e.balance_expected, e.entries_found
      from short as s cross join lateral (
        select count(*) as entries_found, coalesce(sum(
          case when x.side = s.normal_side then x.amount else -x.amount end), 0) as balance_expected
        from (
          select 'debit' as side, amount from transfer where debit_account_id = s.id
          union all
          select 'credit', amount from transfer where credit_account_id = s.id
        ) as x
      ) as e
    ), counted as (
      select s.id, s.spent, c.spent_expected
      from short as s cross join lateral (
        select coalesce(sum(x.amount), 0) as spent_expected
        from (
          select amount from transfer
          where debit_account_id = s.id and kind = 'transfer' and created_at >= s.spent_since
          union all
          select h.captured from transfer as t
            cross join lateral (
              select hold_id from transfer_link where transfer_id = t.id offset 0
            ) as l
            cross join lateral (
              select captured, created_at from hold where id = l.hold_id offset 0
            ) as h
          where t.debit_account_id = s.id and t.kind = 'capture' and h.created_at >= s.spent_since
          union all
          select amount from hold
          where debit_account_id = s.id and state = 'active' and created_at >= s.spent_since
        ) as x
      ) as c
      where s.spent_since is not null
    )`,
    `select 'account_held' as check_name, jsonb_build_object('account_id', id, 'held', held,
        'expected', held_expected::text) as facts
      from reserved where held <> held_expected
      union all
      select 'account_spent', jsonb_build_object('account_id', id, 'spent', spent::text,
        'expected', spent_expected::text)
      from counted where spent <> spent_expected
      union all
      select v.check_name, jsonb_build_object('account_id', r.id) || case v.check_name
          when 'account_sum' then jsonb_build_object(
            'ledger_balance', r.ledger_balance::text, 'expected', r.balance_expected::text)
          else jsonb_build_object('version', r.version, 'expected', r.entries_found) end
      from recomputed as r cross join lateral (values
        ('account_sum', r.ledger_balance <> r.balance_expected),
        ('account_count', r.version <> r.entries_found)
      ) as v(check_name, is_broken)
      where v.is_broken`,
  ),
  parameters: ['bigint', 'bigint', 'integer'],
  columns: findingColumns,
})

/**
 * Captures and reversals against what they name. Indexes: those of the range, transfer_link_pkey,
 * hold_pkey, transfer_pkey, transfer_link_reverses. Locks nothing.
 */
export const recentLinks = statement({
  name: 'audit_recent_links',
  text: sampleText(
    `${range}, linked as (
      select t.*, l.hold_id, l.reverses_id,
        (t.kind = 'capture') = (l.hold_id is not null)
          and (t.kind = 'reversal') = (l.reverses_id is not null) as is_linked,
        h.transfer_id = t.id and h.state = 'captured' and h.captured = t.amount
          and h.debit_account_id = t.debit_account_id
          and h.credit_account_id = t.credit_account_id as is_captured,
        o.kind <> 'reversal' and o.debit_account_id = t.credit_account_id
          and o.credit_account_id = t.debit_account_id and o.currency = t.currency as is_swapped,
        o.amount as original_amount
      from posted as t
        left join lateral (
          select * from transfer_link where transfer_id = t.id offset 0
        ) as l on true
        left join lateral (select * from hold where id = l.hold_id offset 0) as h on true
        left join lateral (select * from transfer where id = l.reverses_id offset 0) as o on true
      where t.kind in ('capture', 'reversal')
    ), checked as (
      select *, original_amount < (
          select sum(r.amount) from transfer_link as x
            cross join lateral (select amount from transfer where id = x.transfer_id offset 0) as r
          where x.reverses_id = linked.reverses_id
        ) as is_exceeded
      from linked
    )`,
    `select v.check_name, jsonb_build_object('transfer_id', c.id, 'hold_id', c.hold_id,
        'reverses_id', c.reverses_id) as facts
      from checked as c cross join lateral (values
        ('link_transfer', not c.is_linked),
        ('hold_capture', c.hold_id is not null and c.is_captured is not true),
        ('reversal_original', c.reverses_id is not null and c.is_swapped is not true),
        ('reversal_sum', c.is_exceeded)
      ) as v(check_name, is_broken)
      where v.is_broken`,
  ),
  parameters: ['bigint', 'bigint'],
  columns: findingColumns,
})

/** What each of those checks holds the ledger to. */
export const recentChecks: Readonly<Record<string, string>> = {
  transfer_accounts: 'both accounts of a transfer exist',
  transfer_currency: 'a transfer and its accounts have one currency',
  transfer_amount: 'a transfer moves 1 to 2^53 - 1 between two accounts',
  batch_count: 'a batch has the transfers that it counts',
  batch_index: 'the places in a batch are numbered from 0 without a gap',
  position: 'positions are numbered from 1 without a gap',
  entry_seq:
    'the entries of an account are numbered from 1 without a gap, in the order of the feed',
  entry_balance: 'each balance is the one before it and the amount of the entry',
  entry_time: 'no entry is earlier than the one before it',
  feed_order: 'positions follow the seq of each account',
  account_balance: 'an account has the balance after its last entry',
  account_version: 'the version of an account is the seq of its last entry',
  account_booked_at: 'an account knows the time of its last entry',
  account_held: 'what is held on an account is the sum of its active holds',
  account_spent: 'what counts towards a daily limit is what left the account on that day',
  link_transfer: 'captures and reversals name a hold or a transfer',
  hold_capture: 'a capture has resolved its hold, between the same accounts and with its amount',
  reversal_original: 'a reversal has the sides of its original swapped, and its currency',
  reversal_sum: 'all reversals of a transfer together are at most its amount',
  account_sum: 'an account has the sum of its entries',
  account_count: 'an account has as many entries as its version says',
}
