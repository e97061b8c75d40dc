/** Transfers against what they name: accounts, words, batches. */
import { auditStatement, type AuditPass } from './check.ts'

/** Reads `transfer` whole and joins `account` twice by hash; no index. */
export const transferAccounts = auditStatement(
  'transfer_accounts',
  `checked as (
    select t.id, t.kind, t.currency, t.amount, t.debit_account_id, t.credit_account_id,
      d.currency as debit_currency, c.currency as credit_currency,
      d.id is null or c.id is null as is_dangling,
      d.currency <> t.currency or c.currency <> t.currency as is_mixed,
      t.amount not between 1 and 9007199254740991 or t.debit_account_id = t.credit_account_id
        as is_unsound,
      case t.kind when 'reversal' then d.owner_id is null and c.owner_id is null
        else (d.owner_id is null) <> (t.kind = 'deposit')
          or (c.owner_id is null) <> (t.kind = 'withdrawal') end as is_misnamed
    from transfer as t
      left join account as d on d.id = t.debit_account_id
      left join account as c on c.id = t.credit_account_id
  ), broken as (
    select * from checked where is_dangling or is_mixed or is_unsound or is_misnamed
  )`,
  `select v.check_name, jsonb_build_object('transfer_id', b.id,
      'debit_account_id', b.debit_account_id, 'credit_account_id', b.credit_account_id) || v.facts
      as facts
    from broken as b cross join lateral (values
      ('transfer_accounts', b.is_dangling, '{}'::jsonb),
      ('transfer_currency', b.is_mixed, jsonb_build_object('currency', b.currency,
        'debit_currency', b.debit_currency, 'credit_currency', b.credit_currency)),
      ('transfer_amount', b.is_unsound, jsonb_build_object('amount', b.amount)),
      -- What an account that is not there would be cannot be said.
      ('transfer_kind', b.is_misnamed and not b.is_dangling, jsonb_build_object('kind', b.kind))
    ) as v(check_name, is_broken, facts)
    where v.is_broken`,
)

/** Reads `transfer_text` whole and joins `transfer` by hash or its primary key. */
export const transferWords = auditStatement(
  'transfer_words',
  '',
  `select 'transfer_text' as check_name, jsonb_build_object('transfer_id', w.transfer_id,
      'debit_account_id', w.debit_account_id, 'credit_account_id', w.credit_account_id) as facts
    from transfer_text as w left join transfer as t on t.id = w.transfer_id
    where t.id is null or t.debit_account_id <> w.debit_account_id
      or t.credit_account_id <> w.credit_account_id`,
)

/**
 * Reads `transfer` whole, aggregates by batch and joins `batch`; no index. `min(uuid)` is newer than
 * the oldest PostgreSQL that is supported, so the ends are found by comparing.
 */
export const batches = auditStatement(
  'batches',
  `content as (
    select t.batch_id, count(*) as transfer_count, min(t.batch_index) as first_index,
      max(t.batch_index) as last_index, count(distinct t.batch_index) as index_count,
      bool_and(t.id >= b.first_transfer_id and t.id <= b.last_transfer_id)
        and bool_or(t.id = b.first_transfer_id) and bool_or(t.id = b.last_transfer_id) as has_ends
    from transfer as t left join batch as b on b.id = t.batch_id
    group by t.batch_id
  ), compared as (
    select coalesce(b.id, c.batch_id) as batch_id, b.id is null as is_missing, b.transfer_count,
      coalesce(c.transfer_count, 0) as transfers_found, c.first_index, c.last_index, c.index_count,
      b.first_transfer_id, b.last_transfer_id, c.has_ends
    from batch as b full join content as c on c.batch_id = b.id
  )`,
  `select 'batch_count' as check_name, jsonb_build_object('batch_id', batch_id,
      'transfer_count', transfer_count, 'transfers_found', transfers_found) as facts
    from compared where is_missing or transfer_count <> transfers_found
    union all
    select 'batch_range', jsonb_build_object('batch_id', batch_id,
      'first_transfer_id', first_transfer_id, 'last_transfer_id', last_transfer_id)
    from compared where not has_ends
    union all
    select 'batch_index', jsonb_build_object('batch_id', batch_id, 'first_index', first_index,
      'last_index', last_index, 'index_count', index_count, 'transfers_found', transfers_found)
    from compared
    where first_index <> 0 or last_index <> transfers_found - 1 or index_count <> transfers_found`,
)

/** Index for the order: batch_position_key. */
export const positions = auditStatement(
  'positions',
  '',
  `select 'position' as check_name,
      jsonb_build_object('batch_id', id, 'position', position, 'expected', place) as facts
    from (
      select id, position, row_number() over (order by position) as place
      from batch where position is not null
    ) as sealed
    where position <> place
    union all
    select 'position_last', jsonb_build_object('last_position', max(s.last_position),
      'expected', max(b.last_position))
    from (select coalesce(max(position), 0) as last_position from batch) as b
      cross join (select max(last_position) as last_position from batch_seal) as s
    having max(s.last_position) is distinct from max(b.last_position)`,
)

export const transferPasses: readonly AuditPass[] = [
  {
    title: 'transfers against their accounts',
    checks: {
      transfer_accounts: 'both accounts of a transfer exist',
      transfer_currency: 'a transfer and its accounts have one currency',
      transfer_amount: 'a transfer moves 1 to 2^53 - 1 between two accounts',
      transfer_kind:
        'the bank pays deposits, receives withdrawals and takes part in their reversals alone',
    },
    statement: transferAccounts,
  },
  {
    title: 'the words of transfers',
    checks: { transfer_text: 'words belong to a transfer and bear its accounts' },
    statement: transferWords,
  },
  {
    title: 'batches against their transfers',
    checks: {
      batch_count: 'a batch has the transfers that it counts',
      batch_range: 'a batch begins and ends with the transfers that it names',
      batch_index: 'the places in a batch are numbered from 0 without a gap',
    },
    statement: batches,
  },
  {
    title: 'positions of batches',
    checks: {
      position: 'positions are numbered from 1 without a gap',
      position_last: 'the last position that was given is the greatest',
    },
    statement: positions,
  },
]
