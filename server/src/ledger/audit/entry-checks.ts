/** The chain of entries of each account, over both sides of its transfers. */
import { auditStatement, type AuditPass } from './check.ts'

/**
 * Reads `transfer` twice whole, joins `account` and `batch` by hash, and sorts all entries by account
 * and seq: the dearest pass. Each entry is held against the one before it, so a break is reported
 * where it is and not at all that follows. Entries are in order of seq; equal ones count as a gap.
 */
export const entryChains = auditStatement(
  'entry_chains',
  `side as (
    select debit_account_id as account_id, 'debit' as side, debit_seq as seq, amount,
      debit_balance_after as balance_after, id, batch_id, batch_index, created_at
    from transfer
    union all
    select credit_account_id, 'credit', credit_seq, amount, credit_balance_after, id, batch_id,
      batch_index, created_at
    from transfer
  ), link as (
    select s.account_id, s.seq, s.id as transfer_id, s.balance_after, s.batch_id, s.batch_index,
      s.created_at, b.position,
      -- Null where the account is missing, which another check says.
      case when s.side = a.normal_side then s.amount
        when s.side <> a.normal_side then -s.amount end as change,
      lag(s.seq) over chain as seq_before,
      lag(s.balance_after) over chain as balance_before,
      lag(s.batch_id) over chain as batch_id_before,
      lag(s.batch_index) over chain as batch_index_before,
      lag(s.created_at) over chain as created_at_before,
      lag(b.position) over chain as position_before
    from side as s
      left join account as a on a.id = s.account_id
      left join batch as b on b.id = s.batch_id
    window chain as (partition by s.account_id order by s.seq, s.batch_id, s.batch_index)
  ), checked as (
    select *,
      seq <> coalesce(seq_before, 0) + 1 as has_gap,
      balance_after <> coalesce(balance_before, 0) + change as has_wrong_balance,
      created_at < created_at_before as goes_back,
      (batch_id, batch_index) <= (batch_id_before, batch_index_before) as is_out_of_order,
      -- A batch that is sealed while an earlier one of the same account is not, or is after it.
      batch_id <> batch_id_before and position is not null
        and coalesce(position_before > position, true) as is_fed_early
    from link
  ), broken as (
    select * from checked
    where has_gap or has_wrong_balance or goes_back or is_out_of_order or is_fed_early
  )`,
  `select v.check_name, jsonb_build_object('account_id', b.account_id, 'seq', b.seq,
      'transfer_id', b.transfer_id) || v.facts as facts
    from broken as b cross join lateral (values
      ('entry_seq', b.has_gap, jsonb_build_object('seq_before', b.seq_before)),
      ('entry_balance', b.has_wrong_balance, jsonb_build_object('change', b.change,
        'balance_before', b.balance_before::text, 'balance_after', b.balance_after::text)),
      ('entry_time', b.goes_back, jsonb_build_object('created_at', b.created_at,
        'created_at_before', b.created_at_before)),
      ('entry_order', b.is_out_of_order, jsonb_build_object('batch_id', b.batch_id,
        'batch_index', b.batch_index, 'batch_id_before', b.batch_id_before,
        'batch_index_before', b.batch_index_before)),
      ('feed_order', b.is_fed_early, jsonb_build_object('position', b.position,
        'position_before', b.position_before))
    ) as v(check_name, is_broken, facts)
    where v.is_broken`,
)

export const entryPasses: readonly AuditPass[] = [
  {
    title: 'the chain of entries of each account',
    checks: {
      entry_seq: 'the entries of an account are numbered from 1 without a gap',
      entry_balance: 'each balance is the one before it and the amount of the entry',
      entry_time: 'no entry is earlier than the one before it',
      entry_order: 'batch and place in the batch follow the seq of each account',
      feed_order: 'positions follow the seq of each account',
    },
    statement: entryChains,
  },
]
