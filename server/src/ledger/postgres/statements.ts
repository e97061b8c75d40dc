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
} as const

function lockText(locking: string): string {
  return `
    select id, owner_id, currency, normal_side, status, overdraft_limit, ledger_balance, held, version,
      round(date_part('epoch', booked_at) * 1000)::text as booked_at_milliseconds
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

/**
 * Business time, and those of the keys that are stored, with the transfer that each stands for. At
 * least one row: without a stored key, its `id` is null. Indexes: idempotency_key_pkey, transfer_pkey.
 * Locks nothing; sent after the locks are there.
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
      round(date_part('epoch', t.created_at) * 1000)::text as transfer_created_at_milliseconds
    from (select bank_now() as at offset 0) as present
    left join idempotency_key as k on k.id = any($1)
    left join transfer as t on t.id = k.transfer_id`,
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
  },
})
