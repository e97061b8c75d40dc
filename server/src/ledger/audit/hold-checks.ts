/** Holds against accounts and captures, and what transfers belong to against all three. */
import { auditStatement, type AuditPass } from './check.ts'

/** Reads the active holds through an index, aggregates by account, and joins `account` by hash. */
export const heldAmounts = auditStatement(
  'held_amounts',
  `reserved as (
    select debit_account_id as account_id, sum(amount) as held, min(expires_at) as first_expiry
    from hold where state = 'active' group by debit_account_id
  ), compared as (
    select coalesce(a.id, r.account_id) as account_id, a.held, coalesce(r.held, 0) as held_expected,
      a.hold_expires_at, r.first_expiry
    from account as a full join reserved as r on r.account_id = a.id
  )`,
  `select 'account_held' as check_name, jsonb_build_object('account_id', account_id, 'held', held,
      'expected', held_expected::text) as facts
    from compared where held is distinct from held_expected
    union all
    select 'account_hold_expiry', jsonb_build_object('account_id', account_id,
      'hold_expires_at', hold_expires_at, 'first_expiry', first_expiry)
    from compared
    where (hold_expires_at is null) <> (first_expiry is null) or hold_expires_at > first_expiry`,
)

/** Reads `hold` whole and joins `account` twice and `transfer`, each by hash or primary key. */
export const holdFacts = auditStatement(
  'hold_facts',
  `checked as (
    select h.*,
      d.owner_id is null or c.owner_id is null or d.currency <> h.currency
        or c.currency <> h.currency as is_misplaced,
      h.state = 'captured' and (t.id is null or t.kind <> 'capture' or t.amount <> h.captured
        or t.debit_account_id <> h.debit_account_id or t.credit_account_id <> h.credit_account_id
        or t.currency <> h.currency) as is_miscaptured
    from hold as h
      left join account as d on d.id = h.debit_account_id
      left join account as c on c.id = h.credit_account_id
      left join transfer as t on t.id = h.transfer_id
  )`,
  `select v.check_name, jsonb_build_object('hold_id', h.id) || v.facts as facts
    from checked as h cross join lateral (values
      ('hold_accounts', h.is_misplaced, jsonb_build_object('debit_account_id', h.debit_account_id,
        'credit_account_id', h.credit_account_id, 'currency', h.currency)),
      ('hold_capture', h.is_miscaptured, jsonb_build_object('transfer_id', h.transfer_id,
        'captured', h.captured))
    ) as v(check_name, is_broken, facts)
    where v.is_broken`,
)

/**
 * Reads `transfer_link` whole, and `transfer` twice: by hash for what links name, and for its captures
 * and reversals.
 */
export const transferLinks = auditStatement(
  'transfer_links',
  `linked as (
    select l.*, t.kind, h.transfer_id as captured_by,
      o.id is null or o.kind = 'reversal' or o.debit_account_id <> t.credit_account_id
        or o.credit_account_id <> t.debit_account_id or o.currency <> t.currency as is_misdirected
    from transfer_link as l
      left join transfer as t on t.id = l.transfer_id
      left join hold as h on h.id = l.hold_id
      left join transfer as o on o.id = l.reverses_id
  ), reversed as (
    select l.reverses_id, sum(t.amount) as reversed
    from transfer_link as l join transfer as t on t.id = l.transfer_id
    where l.reverses_id is not null group by l.reverses_id
  )`,
  `select 'link_transfer' as check_name, jsonb_build_object('transfer_id', transfer_id,
      'kind', kind, 'reverses_id', reverses_id, 'hold_id', hold_id) as facts
    from linked
    where kind is null or (kind = 'capture') <> (hold_id is not null)
      or (kind = 'reversal') <> (reverses_id is not null)
    union all
    select 'link_transfer', jsonb_build_object('transfer_id', t.id, 'kind', t.kind)
    from transfer as t
    where t.kind in ('capture', 'reversal')
      and not exists (select from transfer_link as l where l.transfer_id = t.id)
    union all
    select 'link_hold', jsonb_build_object('transfer_id', transfer_id, 'hold_id', hold_id)
    from linked where hold_id is not null and captured_by is distinct from transfer_id
    union all
    select 'reversal_original', jsonb_build_object('transfer_id', transfer_id,
      'reverses_id', reverses_id)
    from linked where reverses_id is not null and is_misdirected
    union all
    select 'reversal_sum', jsonb_build_object('transfer_id', o.id, 'amount', o.amount,
      'reversed', r.reversed::text)
    from reversed as r join transfer as o on o.id = r.reverses_id
    where r.reversed > o.amount
    union all
    select 'group_whole', jsonb_build_object('group_id', l.group_id, 'transfers', count(*))
    from transfer_link as l join transfer as t on t.id = l.transfer_id
    where l.group_id is not null
    group by l.group_id
    having min(t.batch_id) <> max(t.batch_id) or count(distinct t.principal_id) > 1
      or max(t.batch_index) - min(t.batch_index) + 1 <> count(*)`,
)

export const holdPasses: readonly AuditPass[] = [
  {
    title: 'what accounts have held',
    checks: {
      account_held: 'what is held on an account is the sum of its active holds',
      account_hold_expiry: 'an account knows a moment before which none of its holds expires',
    },
    statement: heldAmounts,
  },
  {
    title: 'holds against their accounts and captures',
    checks: {
      hold_accounts: 'a hold is between customers, in the currency of both accounts',
      hold_capture: 'a captured hold has its capture, between its accounts and of that amount',
    },
    statement: holdFacts,
  },
  {
    title: 'what transfers belong to',
    checks: {
      link_transfer: 'captures and reversals, and nothing else, name a hold or a transfer',
      link_hold: 'a capture names the hold that it has resolved',
      reversal_original: 'a reversal has the sides of its original swapped, and its currency',
      reversal_sum: 'all reversals of a transfer together are at most its amount',
      group_whole: 'the transfers of a group are of one principal, side by side in one batch',
    },
    statement: transferLinks,
  },
]
