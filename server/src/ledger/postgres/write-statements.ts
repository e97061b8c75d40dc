/**
 * The SQL that writes a batch: one statement for the whole write set, so that half of it can never be
 * there. Rows are read by place, in the order of `columns`.
 */
import { statement } from '../../database/statement.ts'

function writeText(recorded: string, recordedCount: string): string {
  return `
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
    )${recorded}
    select refuse_half_batch($35::integer[], array[
        (select count(*) from changed), cardinality($6::uuid[]), cardinality($18::uuid[]),
        cardinality($24::uuid[])${recordedCount}
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
 * The whole write set of a batch, or nothing: it raises unless the accounts that were updated, and
 * the transfers, words and keys that were given, are as many as the last parameter says. (An insert
 * from arrays writes a row for each element or raises; counting what three of them return cost 2 us
 * of PostgreSQL per transfer, so only the update is counted.) Returns one row with the batch's id,
 * null when nothing was posted. Index for the update: account_pkey; the rows are locked already. The
 * batch's id is drawn from its sequence here, so under the account locks. Keys are inserted in the
 * order of the array, lowest first: that is where it may wait for another server's batch.
 */
export const writeBatch = statement({
  name: 'ledger_write_batch',
  text: writeText('', ''),
  parameters: writeParameters,
  columns: writeColumns,
})

/**
 * The same with rows of the audit trail, for a batch that has instructions of staff. A statement of
 * its own: six empty arrays and an insert of nothing would cost every other batch 3 to 4 % of its
 * write set.
 */
export const writeStaffBatch = statement({
  name: 'ledger_write_staff_batch',
  text: writeText(
    `, recorded as (
      insert into audit_event (id, kind, actor_id, origin, subject_prefix, subject_id, facts,
        request_id)
      select e.id, e.kind, e.actor_id, 'api', case when e.account_id is not null then 'acct' end,
        e.account_id, e.facts::jsonb, e.request_id
      from unnest($36::uuid[], $37::text[], $38::uuid[], $39::uuid[], $40::text[], $41::text[])
        as e(id, kind, actor_id, account_id, facts, request_id)
    )`,
    ', cardinality($36::uuid[])',
  ),
  parameters: [...writeParameters, 'uuid[]', 'text[]', 'uuid[]', 'uuid[]', 'text[]', 'text[]'],
  columns: writeColumns,
})
