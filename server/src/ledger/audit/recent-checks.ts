/**
 * The checks of the scheduled audit: over the batches of a range of positions, read through indexes
 * and never by reading a table whole. What holds for all entries before the range and for each entry
 * of the range holds for all; what was changed before the range is left to the whole audit.
 *
 * `offset 0` keeps each look-up a look-up: the planner cannot make a join of whole tables of it. Facts
 * are put together for what is broken alone: for every row they took as long as all the look-ups.
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
 * Batches against their transfers, and transfers against their accounts. Indexes: batch_position_key,
 * transfer_pkey, account_pkey. Locks nothing.
 */
export const recentTransfers = statement({
  name: 'audit_recent_transfers',
  text: sampleText(
    `${range}, content as (
      select b.position, b.transfer_count, count(t.id) as transfers_found,
        count(distinct t.batch_index) as index_count, min(t.batch_index) as first_index,
        max(t.batch_index) as last_index
      from sealed as b left join posted as t on t.position = b.position
      group by b.position, b.transfer_count
    ), checked as (
      select t.*, d.id is null or c.id is null as is_dangling,
        d.currency <> t.currency or c.currency <> t.currency as is_mixed,
        t.amount not between 1 and 9007199254740991 or t.debit_account_id = t.credit_account_id
          as is_unsound
      from posted as t
        left join lateral (
          select id, currency from account where id = t.debit_account_id offset 0
        ) as d on true
        left join lateral (
          select id, currency from account where id = t.credit_account_id offset 0
        ) as c on true
    )`,
    `select v.check_name, jsonb_build_object('transfer_id', t.id) as facts
      from checked as t cross join lateral (values
        ('transfer_accounts', t.is_dangling),
        ('transfer_currency', t.is_mixed),
        ('transfer_amount', t.is_unsound)
      ) as v(check_name, is_broken)
      where (t.is_dangling or t.is_mixed or t.is_unsound) and v.is_broken
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

/**
 * Each entry against the one before it, which may be older than the range. Indexes: those of the
 * range, transfer_debit_entry, transfer_credit_entry, account_pkey, batch_pkey. Locks nothing.
 */
export const recentEntries = statement({
  name: 'audit_recent_entries',
  text: sampleText(
    `${range}, side as (
      select debit_account_id as account_id, 'debit' as side, debit_seq as seq, amount,
        debit_balance_after as balance_after, id, position, batch_index, created_at
      from posted
      union all
      select credit_account_id, 'credit', credit_seq, amount, credit_balance_after, id, position,
        batch_index, created_at
      from posted
    ), link as (
      select s.*, lag(s.id) over chain as id_within, lag(s.seq) over chain as seq_within,
        lag(s.balance_after) over chain as balance_within,
        lag(s.created_at) over chain as created_at_within
      from side as s
      window chain as (partition by s.account_id order by s.position, s.batch_index)
    ), checked as (
      select l.account_id, l.seq, l.id as transfer_id, l.balance_after, l.created_at,
        coalesce(l.seq_within, p.seq, 0) as seq_before,
        coalesce(l.balance_within, p.balance_after, 0) as balance_before,
        coalesce(l.created_at_within, p.created_at) as created_at_before,
        case when l.side = a.normal_side then l.amount else -l.amount end as change,
        -- The batch of the entry before is sealed later, or not at all.
        l.id_within is null and p.id is not null and coalesce(p.position >= l.position, true)
          as is_fed_early
      from link as l
        left join lateral (
          select normal_side from account where id = l.account_id offset 0
        ) as a on true
        left join lateral (
          select e.*, b.position from (
            select id, batch_id, debit_seq as seq, debit_balance_after as balance_after, created_at
            from transfer where debit_account_id = l.account_id and debit_seq = l.seq - 1
            union all
            select id, batch_id, credit_seq, credit_balance_after, created_at
            from transfer where credit_account_id = l.account_id and credit_seq = l.seq - 1
          ) as e left join batch as b on b.id = e.batch_id
          where l.id_within is null
          limit 1
        ) as p on true
    )`,
    `select v.check_name, jsonb_build_object('account_id', c.account_id, 'seq', c.seq,
        'transfer_id', c.transfer_id) || case v.check_name
          when 'entry_seq' then jsonb_build_object('seq_before', c.seq_before)
          when 'entry_balance' then jsonb_build_object('change', c.change,
            'balance_before', c.balance_before::text, 'balance_after', c.balance_after::text)
          when 'entry_time' then jsonb_build_object(
            'created_at', c.created_at, 'created_at_before', c.created_at_before)
          else '{}'::jsonb end as facts
      from checked as c cross join lateral (values
        ('entry_seq', c.seq <> c.seq_before + 1),
        ('entry_balance', c.balance_after <> c.balance_before + c.change),
        ('entry_time', c.created_at < c.created_at_before),
        ('feed_order', c.is_fed_early)
      ) as v(check_name, is_broken)
      where v.is_broken`,
  ),
  parameters: ['bigint', 'bigint'],
  columns: findingColumns,
})

/**
 * The accounts that the range touched against their last entry and their active holds, as all are
 * now; and those with the shortest histories, as many as have the third parameter's count of entries
 * together, against the sum of all their entries, and of what counts towards their daily limits (as in
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
        select id, normal_side, ledger_balance, version, booked_at, held, spent, spent_since
        from account where id = t.id offset 0
      ) as a
    ), latest as (
      select s.*, e.seq, e.balance_after, e.created_at
      from state as s left join lateral (
        (select debit_seq as seq, debit_balance_after as balance_after, created_at from transfer
          where debit_account_id = s.id order by debit_seq desc limit 1)
        union all
        (select credit_seq, credit_balance_after, created_at from transfer
          where credit_account_id = s.id order by credit_seq desc limit 1)
        order by seq desc limit 1
      ) as e on true
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
    `select v.check_name, jsonb_build_object('account_id', l.id) || case v.check_name
          when 'account_balance' then jsonb_build_object(
            'ledger_balance', l.ledger_balance::text, 'expected', l.balance_after::text)
          when 'account_version' then jsonb_build_object('version', l.version, 'expected', l.seq)
          else jsonb_build_object('booked_at', l.booked_at, 'expected', l.created_at) end as facts
      from latest as l cross join lateral (values
        ('account_balance', l.ledger_balance <> l.balance_after),
        ('account_version', l.version <> l.seq),
        ('account_booked_at', l.booked_at <> l.created_at)
      ) as v(check_name, is_broken)
      where v.is_broken
      union all
      select 'account_held', jsonb_build_object('account_id', id, 'held', held,
        'expected', held_expected::text)
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
