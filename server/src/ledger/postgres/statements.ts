/**
 * The SQL of a batch. Each text says what it returns, which index it expects, what it locks and in
 * which order. Rows are read by place, in the order of `columns`, and everything comes as text.
 */
import { assert } from '../../kernel/assert.ts'
import { statement } from '../../database/statement.ts'

export interface TxLimits {
  lockTimeoutMilliseconds: number
  idleTimeoutMilliseconds: number
  statementTimeoutMilliseconds: number
}

/**
 * Begins a tx and bounds what it may do to others, in one message. Settings are local to the tx.
 *
 * The planner is told to walk indexes and to keep one plan: a batch touches a few hundred rows by
 * their keys, and a plan made while the tables were empty (a sequential scan, a hash of the whole
 * table) would be kept by the prepared statement after they have grown.
 */
export function beginText(limits: TxLimits, role: string | undefined): string {
  const whole = Object.values(limits).every((value) => Number.isSafeInteger(value) && value > 0)
  assert(whole, 'the limits of a tx are whole milliseconds')
  const settings = {
    lock_timeout: limits.lockTimeoutMilliseconds,
    idle_in_transaction_session_timeout: limits.idleTimeoutMilliseconds,
    statement_timeout: limits.statementTimeoutMilliseconds,
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    jit: 'off',
  }
  const locals = Object.entries(settings).map(([name, value]) => `set local ${name} = ${value}`)
  if (role !== undefined) locals.push(`set local role "${role.replaceAll('"', '""')}"`)
  return ['begin isolation level read committed', ...locals].join('; ')
}

const accountColumns = {
  id: 'uuid',
  owner_id: 'uuid?',
  currency: 'text',
  normal_side: 'text',
  status: 'text',
  overdraft_limit: 'bigint',
  ledger_balance: 'numeric',
  held: 'bigint',
  version: 'bigint',
  booked_at_milliseconds: 'text',
  hold_expires_at_milliseconds: 'text?',
  transfer_limit: 'bigint?',
  daily_limit: 'bigint?',
  spent_since_milliseconds: 'text?',
  spent: 'numeric',
} as const

function lockText(locking: string): string {
  return `
    select id, owner_id, currency, normal_side, status, overdraft_limit, ledger_balance, held, version,
      round(date_part('epoch', booked_at) * 1000)::text as booked_at_milliseconds,
      round(date_part('epoch', hold_expires_at) * 1000)::text as hold_expires_at_milliseconds,
      transfer_limit, daily_limit,
      round(date_part('epoch', spent_since) * 1000)::text as spent_since_milliseconds, spent
    from account
    where id = any($1)
    order by id
    ${locking}`
}

/**
 * The accounts of a batch, those that exist, by id. Index: account_pkey. Locks each row FOR NO KEY
 * UPDATE, lowest id first. A row that another tx changed while this one waited is read anew, so what
 * comes back is the committed state under the lock; nothing else may be read here, because other
 * tables would be seen as they were before the wait.
 */
export const lockAccounts = statement({
  name: 'ledger_lock_accounts',
  text: lockText('for no key update'),
  parameters: ['uuid[]'],
  columns: accountColumns,
})

/** The same for those that nobody else holds, without waiting. */
export const lockFreeAccounts = statement({
  name: 'ledger_lock_free_accounts',
  text: lockText('for no key update skip locked'),
  parameters: ['uuid[]'],
  columns: accountColumns,
})

/** Which of the accounts exist. Index: account_pkey. Locks nothing. */
export const readAccountIds = statement({
  name: 'ledger_read_account_ids',
  text: `select id from account where id = any($1)`,
  parameters: ['uuid[]'],
  columns: { id: 'uuid' },
})

/** The ten columns of a hold, in the order in which `readHold` takes them. */
function holdSelect(hold: string): string {
  return `${hold}.id as hold_id, ${hold}.principal_id as hold_principal_id,
      ${hold}.debit_account_id as hold_debit_account_id,
      ${hold}.credit_account_id as hold_credit_account_id, ${hold}.amount as hold_amount,
      ${hold}.captured as hold_captured, ${hold}.currency as hold_currency,
      ${hold}.state as hold_state,
      round(date_part('epoch', ${hold}.expires_at) * 1000)::text as hold_expires_at_milliseconds,
      round(date_part('epoch', ${hold}.created_at) * 1000)::text as hold_created_at_milliseconds`
}

const holdColumns = {
  hold_id: 'uuid',
  hold_principal_id: 'uuid',
  hold_debit_account_id: 'uuid',
  hold_credit_account_id: 'uuid',
  hold_amount: 'bigint',
  hold_captured: 'bigint',
  hold_currency: 'text',
  hold_state: 'text',
  hold_expires_at_milliseconds: 'text',
  hold_created_at_milliseconds: 'text',
} as const

/**
 * Business time, and those of the keys that are stored, with the transfer or hold that each stands
 * for. At least one row: without a stored key, its `id` is null. Indexes: idempotency_key_pkey,
 * transfer_pkey, transfer_link_pkey, hold_pkey. Locks nothing; sent after the locks are there.
 */
export const readKeys = statement({
  name: 'ledger_read_keys',
  text: `
    select round(date_part('epoch', present.at) * 1000)::text as now_milliseconds,
      k.id, k.principal_id, k.key, k.item_index, k.format, encode(k.fields, 'hex') as fields,
      k.request_id, k.account_id, k.refusal::text as refusal,
      round(date_part('epoch', k.created_at) * 1000)::text as created_at_milliseconds,
      t.id as transfer_id, t.kind, t.debit_account_id, t.credit_account_id, t.amount, t.currency,
      t.debit_seq, t.credit_seq, t.debit_balance_after, t.credit_balance_after,
      round(date_part('epoch', t.created_at) * 1000)::text as transfer_created_at_milliseconds,
      l.reverses_id, l.hold_id as captured_hold_id, l.group_id,
      ${holdSelect('h')}
    from (select bank_now() as at offset 0) as present
    left join idempotency_key as k on k.id = any($1)
    left join transfer as t on t.id = k.transfer_id
    left join transfer_link as l on l.transfer_id = k.transfer_id
    left join hold as h on h.id = k.hold_id`,
  parameters: ['uuid[]'],
  columns: {
    now_milliseconds: 'text',
    id: 'uuid?',
    principal_id: 'uuid?',
    key: 'text?',
    item_index: 'integer?',
    format: 'smallint?',
    fields: 'text?',
    request_id: 'text?',
    account_id: 'uuid?',
    refusal: 'text?',
    created_at_milliseconds: 'text?',
    transfer_id: 'uuid?',
    kind: 'text?',
    debit_account_id: 'uuid?',
    credit_account_id: 'uuid?',
    amount: 'bigint?',
    currency: 'text?',
    debit_seq: 'bigint?',
    credit_seq: 'bigint?',
    debit_balance_after: 'numeric?',
    credit_balance_after: 'numeric?',
    transfer_created_at_milliseconds: 'text?',
    reverses_id: 'uuid?',
    captured_hold_id: 'uuid?',
    group_id: 'uuid?',
    hold_id: 'uuid?',
    hold_principal_id: 'uuid?',
    hold_debit_account_id: 'uuid?',
    hold_credit_account_id: 'uuid?',
    hold_amount: 'bigint?',
    hold_captured: 'bigint?',
    hold_currency: 'text?',
    hold_state: 'text?',
    hold_expires_at_milliseconds: 'text?',
    hold_created_at_milliseconds: 'text?',
  },
})

/**
 * The holds that a batch names, those that exist. Index: hold_pkey. Locks nothing; sent after the
 * locks of their accounts are there, and only where there are any.
 */
export const readHolds = statement({
  name: 'ledger_read_holds',
  text: `select ${holdSelect('h')} from hold as h where h.id = any($1)`,
  parameters: ['uuid[]'],
  columns: holdColumns,
})

/**
 * The transfers that reversals of a batch name, those that exist, and how much of each is reversed.
 * Indexes: transfer_pkey, transfer_link_reverses. Locks nothing; sent after the locks of their
 * accounts are there, and only where there are any.
 */
export const readOriginals = statement({
  name: 'ledger_read_originals',
  text: `
    select t.id, t.kind, t.debit_account_id, t.credit_account_id, t.amount, t.currency,
      (select coalesce(sum(r.amount), 0)
        from transfer_link as l join transfer as r on r.id = l.transfer_id
        where l.reverses_id = t.id) as reversed
    from transfer as t where t.id = any($1)`,
  parameters: ['uuid[]'],
  columns: {
    id: 'uuid',
    kind: 'text',
    debit_account_id: 'uuid',
    credit_account_id: 'uuid',
    amount: 'bigint',
    currency: 'text',
    reversed: 'numeric?',
  },
})

/**
 * What is overdue on locked accounts at a moment (its milliseconds are the one element of the second
 * parameter), the earliest first and at most as many each as the third one's element says; and, in
 * each row, when the first of the others expires that are not overdue. An account without overdue
 * holds has one row, whose hold is null. Index: hold_overdue. Locks nothing.
 */
export const readOverdue = statement({
  name: 'ledger_read_overdue',
  text: `
    select due.id as account_id,
      (select round(date_part('epoch', min(n.expires_at)) * 1000)::text from hold as n
        where n.debit_account_id = due.id and n.state = 'active' and n.expires_at > moment.at
      ) as next_expiry_milliseconds,
      ${holdSelect('h')}
    from (select to_timestamp(($2::bigint[])[1] / 1000.0::double precision) as at offset 0) as moment
      cross join unnest($1::uuid[]) as due(id)
      left join lateral (
        select * from hold
        where debit_account_id = due.id and state = 'active' and expires_at <= moment.at
        order by expires_at limit ($3::integer[])[1]
      ) as h on true
    order by due.id, h.expires_at`,
  parameters: ['uuid[]', 'bigint[]', 'integer[]'],
  columns: {
    account_id: 'uuid?',
    next_expiry_milliseconds: 'text?',
    hold_id: 'uuid?',
    hold_principal_id: 'uuid?',
    hold_debit_account_id: 'uuid?',
    hold_credit_account_id: 'uuid?',
    hold_amount: 'bigint?',
    hold_captured: 'bigint?',
    hold_currency: 'text?',
    hold_state: 'text?',
    hold_expires_at_milliseconds: 'text?',
    hold_created_at_milliseconds: 'text?',
  },
})

/**
 * The accounts of holds and transfers that instructions name, as they never change: where money
 * would leave and go, which for a transfer is the way back, and which of the two are customers'.
 * Indexes: hold_pkey, transfer_pkey, account_pkey. Locks nothing; read before the queue.
 */
export const readNamedAccounts = statement({
  name: 'ledger_read_named_accounts',
  text: `
    select n.id, n.debit_account_id, n.credit_account_id, d.owner_id is not null as debit_is_customer,
      c.owner_id is not null as credit_is_customer
    from (
      select id, debit_account_id, credit_account_id from hold where id = any($1::uuid[])
      union all
      select id, credit_account_id, debit_account_id from transfer where id = any($2::uuid[])
    ) as n
      join account as d on d.id = n.debit_account_id
      join account as c on c.id = n.credit_account_id`,
  parameters: ['uuid[]', 'uuid[]'],
  columns: {
    id: 'uuid?',
    debit_account_id: 'uuid?',
    credit_account_id: 'uuid?',
    debit_is_customer: 'boolean?',
    credit_is_customer: 'boolean?',
  },
})
