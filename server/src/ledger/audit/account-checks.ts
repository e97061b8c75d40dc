/** What the account rows say, held against all their entries and against each other. */
import { auditStatement, type AuditPass } from './check.ts'

/**
 * Reads `transfer` twice whole, aggregates by account, and joins `account`; no index. Balances are
 * recomputed from the amounts alone, not from the balances that entries carry.
 */
export const accountTotals = auditStatement(
  'account_totals',
  `side as (
    select debit_account_id as account_id, debit_seq as seq, amount as debited, 0 as credited,
      created_at
    from transfer
    union all
    select credit_account_id, credit_seq, 0, amount, created_at from transfer
  ), total as (
    select account_id, max(seq) as version, max(created_at) as booked_at,
      sum(debited) as debited, sum(credited) as credited
    from side group by account_id
  ), compared as (
    select a.*, coalesce(t.version, 0) as version_expected,
      coalesce(t.booked_at, '-infinity') as booked_at_expected,
      case a.normal_side when 'debit' then 1 else -1 end
        * (coalesce(t.debited, 0) - coalesce(t.credited, 0)) as balance_expected
    from account as a left join total as t on t.account_id = a.id
  )`,
  `select 'account_balance' as check_name, jsonb_build_object('account_id', id,
      'ledger_balance', ledger_balance::text, 'expected', balance_expected::text) as facts
    from compared where ledger_balance <> balance_expected
    union all
    select 'account_version', jsonb_build_object('account_id', id, 'version', version,
      'expected', version_expected)
    from compared where version <> version_expected
    union all
    select 'account_booked_at', jsonb_build_object('account_id', id, 'booked_at', booked_at,
      'expected', booked_at_expected)
    from compared where booked_at <> booked_at_expected`,
)

/** Reads `account`, `bank_account` and `account_detail` whole, each once or twice; no index. */
export const accountRules = auditStatement(
  'account_rules',
  '',
  `select 'account_overdrawn' as check_name, jsonb_build_object('account_id', id,
      'ledger_balance', ledger_balance::text, 'held', held, 'overdraft_limit', overdraft_limit)
      as facts
    from account where owner_id is not null and ledger_balance - held + overdraft_limit < 0
    union all
    select 'account_closed', jsonb_build_object('account_id', id,
      'ledger_balance', ledger_balance::text, 'held', held)
    from account where status = 'closed' and (ledger_balance <> 0 or held <> 0)
    union all
    select 'account_range',
      jsonb_build_object('account_id', id, 'ledger_balance', ledger_balance::text)
    from account where owner_id is not null and abs(ledger_balance) > 9007199254740991
    union all
    select 'account_normal_side', jsonb_build_object('account_id', id)
    from account where owner_id is not null and normal_side <> 'credit'
    union all
    select 'account_detail', jsonb_build_object('account_id', a.id)
    from account as a left join account_detail as d on d.account_id = a.id
    where a.owner_id is not null and d.account_id is null
    union all
    select 'bank_account', jsonb_build_object('account_id', coalesce(a.id, b.account_id),
      'code', b.code, 'currency', b.currency, 'account_currency', a.currency)
    from (select * from account where owner_id is null) as a
      full join bank_account as b on b.account_id = a.id
    where a.id is null or b.account_id is null or a.currency <> b.currency
    union all
    select 'conservation', jsonb_build_object('currency', currency,
      'debit_balances', sum(ledger_balance) filter (where normal_side = 'debit')::text,
      'credit_balances', sum(ledger_balance) filter (where normal_side = 'credit')::text)
    from account group by currency
    having sum(case normal_side when 'debit' then ledger_balance else -ledger_balance end) <> 0`,
)

/**
 * Reads `transfer` and `hold` whole, and joins those accounts that have a daily limit by hash. What
 * counts is said in core/limits.ts: the day is not looked at, for the account says when it began.
 */
export const accountSpending = auditStatement(
  'account_spending',
  `spending as (
    select t.debit_account_id as account_id, t.amount
    from transfer as t join account as a on a.id = t.debit_account_id
    where t.kind = 'transfer' and t.created_at >= a.spent_since
    union all
    select h.debit_account_id, case h.state when 'active' then h.amount else h.captured end
    from hold as h join account as a on a.id = h.debit_account_id
    where h.created_at >= a.spent_since
  ), counted as (
    select account_id, sum(amount) as spent from spending group by account_id
  )`,
  `select 'account_spent' as check_name, jsonb_build_object('account_id', a.id,
      'spent', a.spent::text, 'expected', coalesce(c.spent, 0)::text, 'since', a.spent_since) as facts
    from account as a left join counted as c on c.account_id = a.id
    where a.spent_since is not null and a.spent <> coalesce(c.spent, 0)`,
)

export const accountPasses: readonly AuditPass[] = [
  {
    title: 'accounts against their entries',
    checks: {
      account_balance: 'an account has the sum of its entries',
      account_version: 'the version of an account is the seq of its last entry',
      account_booked_at: 'an account knows the time of its last entry',
    },
    statement: accountTotals,
  },
  {
    title: 'accounts by themselves',
    checks: {
      account_overdrawn: "no customer's account is below its limit",
      account_closed: 'nothing is on a closed account, and nothing is held on it',
      account_range: "a customer's balance is within +-(2^53 - 1)",
      account_normal_side: "a customer's account is credit-normal",
      account_detail: "a customer's account says when it was opened",
      bank_account: 'accounts without an owner are bank accounts, in the currency of their row',
      conservation: 'debit-normal and credit-normal balances are equal in each currency',
    },
    statement: accountRules,
  },
  {
    title: 'accounts with a daily limit',
    checks: {
      account_spent: 'what counts towards a daily limit is what left the account on that day',
    },
    statement: accountSpending,
  },
]
