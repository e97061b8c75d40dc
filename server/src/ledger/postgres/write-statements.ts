/**
 * The SQL that writes a batch: one statement for the whole write set, so that half of it can never be
 * there. Rows are read by place, in the order of `columns`.
 *
 * Arrays become rows side by side in a select list. In FROM, PostgreSQL first puts each of them into a
 * store of its own, which cost 2 of its 40 us for a transfer.
 */
import { statement } from '../../database/statement.ts'

/** What the statement for a batch of more than bare transfers has in some places. */
interface Parts {
  /** Members of the WITH, each behind a comma. */
  members: string
  /** How many rows those were to write, or have written, each behind a comma. */
  counts: string
  /** Of `changed`: further columns from arrays, and what is set. */
  accountArrays: string
  bookedAt: string
  accountChanges: string
  /** Of `kept`. */
  keyArrays: string
  keyColumns: string
  keyValues: string
}

const bookedAt = 'to_timestamp(c.booked_at / 1000.0::double precision)'

const noParts: Parts = {
  members: '',
  counts: '',
  accountArrays: '',
  bookedAt,
  accountChanges: '',
  keyArrays: '',
  keyColumns: '',
  keyValues: '',
}

function writeText(parts: Parts): string {
  return `
    with changed as (
      update account as a
      set ledger_balance = c.ledger_balance, held = c.held, version = c.version,
        booked_at = ${parts.bookedAt}${parts.accountChanges}
      from (select unnest($1::uuid[]) as id, unnest($2::numeric[]) as ledger_balance,
          unnest($3::bigint[]) as held, unnest($4::bigint[]) as version,
          unnest($5::bigint[]) as booked_at${parts.accountArrays}) as c
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
      select t.id, (select id from new_batch), t.place, t.kind, t.principal_id, t.debit_account_id,
        t.credit_account_id, t.amount, t.currency, t.debit_seq, t.credit_seq, t.debit_balance_after,
        t.credit_balance_after, to_timestamp(t.created_at / 1000.0::double precision)
      from (select unnest($6::uuid[]) as id, unnest($7::text[]) as kind,
          unnest($8::uuid[]) as principal_id, unnest($9::uuid[]) as debit_account_id,
          unnest($10::uuid[]) as credit_account_id, unnest($11::bigint[]) as amount,
          unnest($12::text[]) as currency, unnest($13::bigint[]) as debit_seq,
          unnest($14::bigint[]) as credit_seq, unnest($15::numeric[]) as debit_balance_after,
          unnest($16::numeric[]) as credit_balance_after, unnest($17::bigint[]) as created_at,
          generate_series(0, cardinality($6::uuid[]) - 1) as place) as t
    ), words as (
      insert into transfer_text (transfer_id, debit_account_id, credit_account_id, description,
        reference, metadata)
      select w.transfer_id, w.debit_account_id, w.credit_account_id, w.description, w.reference,
        w.metadata::jsonb
      from (select unnest($18::uuid[]) as transfer_id, unnest($19::uuid[]) as debit_account_id,
          unnest($20::uuid[]) as credit_account_id, unnest($21::text[]) as description,
          unnest($22::text[]) as reference, unnest($23::text[]) as metadata) as w
    ), kept as (
      insert into idempotency_key (id, principal_id, key, item_index, format, fields, request_id,
        transfer_id, account_id, refusal, created_at${parts.keyColumns})
      select k.id, k.principal_id, k.key, k.item_index, k.format, k.fields,
        k.request_id, k.transfer_id, k.account_id, k.refusal::jsonb,
        to_timestamp(k.created_at / 1000.0::double precision)${parts.keyValues}
      from (select unnest($24::uuid[]) as id, unnest($25::uuid[]) as principal_id,
          unnest($26::text[]) as key, unnest($27::integer[]) as item_index,
          unnest($28::integer[]) as format, unnest($29::bytea[]) as fields,
          unnest($30::text[]) as request_id, unnest($31::uuid[]) as transfer_id,
          unnest($32::uuid[]) as account_id, unnest($33::text[]) as refusal,
          unnest($34::bigint[]) as created_at${parts.keyArrays}) as k
    )${parts.members}
    select refuse_half_batch($35::integer[], array[
        (select count(*) from changed), cardinality($6::uuid[]), cardinality($18::uuid[]),
        cardinality($24::uuid[])${parts.counts}
      ]::integer[]) as whole,
      (select id from new_batch) as batch_id`
}

const writeParameters = [
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
  'integer[]',
] as const

const writeColumns = { whole: 'boolean', batch_id: 'bigint?' } as const

/**
 * The whole write set of a batch of bare transfers, or nothing: it raises unless the accounts that
 * were updated, and the transfers, words and keys that were given, are as many as the last parameter
 * says. (An insert from arrays writes a row for each element or raises; counting what three of them
 * return cost 2 us of PostgreSQL per transfer, so only updates are counted.) Returns one row with the
 * batch's id, null when nothing was posted. Index for the update: account_pkey; the rows are locked
 * already. The batch's id is drawn from its sequence here, so under the account locks. Keys are
 * inserted in the order of the array, lowest first: that is where it may wait for another server's
 * batch.
 */
export const writeBatch = statement({
  name: 'ledger_write_batch',
  text: writeText(noParts),
  parameters: writeParameters,
  columns: writeColumns,
})

/**
 * The same with all that some batches have besides: rows of the audit trail, holds that were placed
 * or resolved (index: hold_pkey), what transfers belong to, and what counts towards daily limits. Zero milliseconds stand for no time.
 * A statement of its own: the empty arrays and inserts of nothing would cost every bare batch 3 to 4 %
 * of its write set for the audit trail alone.
 */
export const writeFullBatch = statement({
  name: 'ledger_write_full_batch',
  text: writeText({
    members: `, recorded as (
      insert into audit_event (id, kind, actor_id, origin, subject_prefix, subject_id, facts,
        request_id)
      select e.id, e.kind, e.actor_id, 'api', case when e.account_id is not null then 'acct' end,
        e.account_id, e.facts::jsonb, e.request_id
      from (select unnest($36::uuid[]) as id, unnest($37::text[]) as kind,
          unnest($38::uuid[]) as actor_id, unnest($39::uuid[]) as account_id,
          unnest($40::text[]) as facts, unnest($41::text[]) as request_id) as e
    ), linked as (
      insert into transfer_link (transfer_id, reverses_id, hold_id, group_id)
      select l.transfer_id, l.reverses_id, l.hold_id, l.group_id
      from (select unnest($44::uuid[]) as transfer_id, unnest($45::uuid[]) as reverses_id,
          unnest($46::uuid[]) as hold_id, unnest($47::uuid[]) as group_id) as l
    ), placed as (
      insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
        expires_at, created_at, state, captured, resolved_at, transfer_id)
      select h.id, h.principal_id, h.debit_account_id, h.credit_account_id, h.amount, h.currency,
        to_timestamp(h.expires_at / 1000.0::double precision),
        to_timestamp(h.created_at / 1000.0::double precision), h.state, h.captured,
        to_timestamp(nullif(h.resolved_at, 0) / 1000.0::double precision), h.transfer_id
      from (select unnest($48::uuid[]) as id, unnest($49::uuid[]) as principal_id,
          unnest($50::uuid[]) as debit_account_id, unnest($51::uuid[]) as credit_account_id,
          unnest($52::bigint[]) as amount, unnest($53::text[]) as currency,
          unnest($54::bigint[]) as expires_at, unnest($55::bigint[]) as created_at,
          unnest($56::text[]) as state, unnest($57::bigint[]) as captured,
          unnest($58::bigint[]) as resolved_at, unnest($59::uuid[]) as transfer_id) as h
    ), resolved as (
      update hold as h
      set state = r.state, captured = r.captured, transfer_id = r.transfer_id,
        resolved_at = to_timestamp(r.resolved_at / 1000.0::double precision)
      from (select unnest($60::uuid[]) as id, unnest($61::text[]) as state,
          unnest($62::bigint[]) as captured, unnest($63::bigint[]) as resolved_at,
          unnest($64::uuid[]) as transfer_id) as r
      where h.id = r.id and h.state = 'active'
      returning 1
    )`,
    counts: `, cardinality($36::uuid[]), cardinality($44::uuid[]), cardinality($48::uuid[]),
        (select count(*) from resolved)`,
    accountArrays: `, unnest($42::bigint[]) as hold_expires_at, unnest($65::bigint[]) as spent_since,
        unnest($66::numeric[]) as spent`,
    // An account without entries may have something held by its overdraft.
    bookedAt: `case when c.version = 0 then a.booked_at else ${bookedAt} end`,
    accountChanges: `,
        hold_expires_at = to_timestamp(nullif(c.hold_expires_at, 0) / 1000.0::double precision),
        spent_since = to_timestamp(nullif(c.spent_since, 0) / 1000.0::double precision),
        spent = c.spent`,
    keyArrays: ', unnest($43::uuid[]) as hold_id',
    keyColumns: ', hold_id',
    keyValues: ', k.hold_id',
  }),
  parameters: [
    ...writeParameters,
    'uuid[]',
    'text[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'text[]',
    'bigint[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'uuid[]',
    'bigint[]',
    'text[]',
    'bigint[]',
    'bigint[]',
    'text[]',
    'bigint[]',
    'bigint[]',
    'uuid[]',
    'uuid[]',
    'text[]',
    'bigint[]',
    'bigint[]',
    'uuid[]',
    'bigint[]',
    'numeric[]',
  ],
  columns: writeColumns,
})
