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

/**
 * The whole write set of a batch, or nothing: it raises unless the accounts that were updated, and
 * the transfers, words, keys and events that were given, are as many as the last parameter says. (An insert
 * from arrays writes a row for each element or raises; counting what three of them return cost 2 us
 * of PostgreSQL per transfer, so only the update is counted.) Returns one row with the batch's id,
 * null when nothing was posted. Index for the update: account_pkey; the rows are locked already. The
 * batch's id is drawn from its sequence here, so under the account locks. Keys are inserted in the
 * order of the array, lowest first: that is where it may wait for another server's batch. Events of the
 * audit trail come with staff's instructions only.
 */
export const writeBatch = statement({
  name: 'ledger_write_batch',
  text: `
    with changed as (
      update account as a
      set ledger_balance = c.ledger_balance, held = c.held, version = c.version,
        booked_at = to_timestamp(c.booked_at / 1000.0::double precision)
      from unnest($1::uuid[], $2::numeric[], $3::bigint[], $4::bigint[], $5::bigint[])
        as c(id, ledger_balance, held, version, booked_at)
      where a.id = c.id
      returning 1
    ), new_batch as (
      insert into batch (first_transfer_id, last_transfer_id, transfer_count, created_at)
      select ($6::uuid[])[1], ($6::uuid[])[cardinality($6::uuid[])], cardinality($6::uuid[]),
        to_timestamp(($17::bigint[])[cardinality($17::bigint[])] / 1000.0::double precision)
      where cardinality($6::uuid[]) > 0
      returning id
    ), posted as (
      insert into transfer (id, batch_id, batch_index, kind, principal_id, debit_account_id,
        credit_account_id, amount, currency, debit_seq, credit_seq, debit_balance_after,
        credit_balance_after, created_at)
      select t.id, (select id from new_batch), t.place - 1, t.kind, t.principal_id, t.debit_account_id,
        t.credit_account_id, t.amount, t.currency, t.debit_seq, t.credit_seq, t.debit_balance_after,
        t.credit_balance_after, to_timestamp(t.created_at / 1000.0::double precision)
      from unnest($6::uuid[], $7::text[], $8::uuid[], $9::uuid[], $10::uuid[],
          $11::bigint[], $12::text[], $13::bigint[], $14::bigint[], $15::numeric[], $16::numeric[],
          $17::bigint[])
        with ordinality as t(id, kind, principal_id, debit_account_id, credit_account_id, amount,
          currency, debit_seq, credit_seq, debit_balance_after, credit_balance_after, created_at, place)
    ), words as (
      insert into transfer_text (transfer_id, debit_account_id, credit_account_id, description,
        reference, metadata)
      select w.transfer_id, w.debit_account_id, w.credit_account_id, w.description, w.reference,
        w.metadata::jsonb
      from unnest($18::uuid[], $19::uuid[], $20::uuid[], $21::text[], $22::text[], $23::text[])
        as w(transfer_id, debit_account_id, credit_account_id, description, reference, metadata)
    ), kept as (
      insert into idempotency_key (id, principal_id, key, item_index, format, fields, request_id,
        transfer_id, account_id, refusal, created_at)
      select k.id, k.principal_id, k.key, k.item_index, k.format, k.fields,
        k.request_id, k.transfer_id, k.account_id, k.refusal::jsonb,
        to_timestamp(k.created_at / 1000.0::double precision)
      from unnest($24::uuid[], $25::uuid[], $26::text[], $27::integer[], $28::integer[],
          $29::bytea[], $30::text[], $31::uuid[], $32::uuid[], $33::text[], $34::bigint[])
        as k(id, principal_id, key, item_index, format, fields, request_id, transfer_id, account_id,
          refusal, created_at)
    ), recorded as (
      insert into audit_event (id, kind, actor_id, origin, subject_prefix, subject_id, facts,
        request_id)
      select e.id, e.kind, e.actor_id, 'api', case when e.account_id is not null then 'acct' end,
        e.account_id, e.facts::jsonb, e.request_id
      from unnest($35::uuid[], $36::text[], $37::uuid[], $38::uuid[], $39::text[], $40::text[])
        as e(id, kind, actor_id, account_id, facts, request_id)
    )
    select refuse_half_batch($41::integer[], array[
        (select count(*) from changed), cardinality($6::uuid[]), cardinality($18::uuid[]),
        cardinality($24::uuid[]), cardinality($35::uuid[])
      ]::integer[]) as whole,
      (select id from new_batch) as batch_id`,
  parameters: [
    'uuid[]',
    'numeric[]',
    'bigint[]',
    'bigint[]',
    'bigint[]',
    'uuid[]',
    'text[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'bigint[]',
    'text[]',
    'bigint[]',
    'bigint[]',
    'numeric[]',
    'numeric[]',
    'bigint[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'text[]',
    'text[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'integer[]',
    'integer[]',
    'bytea[]',
    'text[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'bigint[]',
    'uuid[]',
    'text[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'text[]',
    'integer[]',
  ],
  columns: { whole: 'boolean', batch_id: 'bigint?' },
})
