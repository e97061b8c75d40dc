/** The damage that the tests of the auditor plant: for each of its checks at least one. */

/** The last transfer between two customers, whose change touches the end of both chains. */
const last = `(select id from transfer where kind = 'transfer' order by batch_id desc, batch_index desc
  limit 1)`
/** The batches without a position, first and last. */
const unsealed = (order: 'asc' | 'desc') =>
  `(select id from batch where position is null order by id ${order} limit 1)`
/** A batch of several transfers that has a position. */
const wide = `(select id from batch where transfer_count > 2 and position is not null limit 1)`

/**
 * What is broken, and by which change of the stored rows: `:name` is the id of an account of the story.
 * Where the damage is one that constraints forbid, they are dropped first.
 */
export const corruptions: readonly [check: string, sql: string, alsoFound?: string[]][] = [
  // Both balances by the same amount, so that no sum over accounts notices.
  [
    'account_balance',
    `update account set ledger_balance = ledger_balance + 1 where id in (:ada, :cash)`,
  ],
  ['account_version', `update account set version = version + 1 where id = :ada`],
  [
    'account_booked_at',
    `update account set booked_at = booked_at + interval '1 s' where id = :ada`,
  ],
  ['account_spent', `update account set spent = spent + 1 where id = :cleo`],
  ['account_spent', `update account set spent = 0 where id = :cleo`],
  ['account_spent', `update account set spent_since = bank_now() where id = :cleo`],
  [
    'account_spent',
    `update account set daily_limit = 1, spent_since = '2026-01-01' where id = :ada`,
  ],
  ['account_closed', `update account set status = 'closed' where id = :cleo`],
  ['account_held', `update account set held = held + 1 where id = :ada`],
  ['account_held', `update account set held = held - 1 where id = :ada`],
  [
    'account_held',
    `insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
       expires_at, created_at, state)
     select gen_random_uuid(), principal_id, :ada, :ben, 1, 'EUR', expires_at, created_at, 'active'
     from hold where state = 'active' order by expires_at desc limit 1`,
  ],
  ['account_hold_expiry', `update account set hold_expires_at = null where id = :ada`],
  [
    'account_hold_expiry',
    `update account set hold_expires_at = hold_expires_at + interval '1 day' where id = :ada`,
  ],
  ['account_hold_expiry', `update account set hold_expires_at = bank_now() where id = :ben`],
  ['hold_accounts', `update hold set currency = 'USD' where state = 'released'`],
  [
    'hold_accounts',
    `update hold set credit_account_id = gen_random_uuid() where state = 'released'`,
  ],
  ['hold_accounts', `update hold set credit_account_id = :cash where state = 'released'`],
  ['hold_capture', `update hold set captured = captured - 1 where state = 'captured'`],
  [
    'hold_capture',
    `update hold set debit_account_id = :ben, credit_account_id = :ada where state = 'captured'`,
  ],
  ['link_transfer', `delete from transfer_link where hold_id is not null`],
  ['link_transfer', `delete from transfer_link where reverses_id is not null`],
  [
    'link_transfer',
    `insert into transfer_link (transfer_id, group_id) values (gen_random_uuid(), gen_random_uuid())`,
  ],
  [
    'link_transfer',
    `insert into transfer_link (transfer_id, reverses_id)
     select ${last}, t.id from transfer as t
     where t.debit_account_id = :ben and t.credit_account_id = :ada and t.kind = 'transfer' limit 1`,
  ],
  [
    'link_hold',
    `update hold set state = 'released', captured = 0, transfer_id = null where state = 'captured'`,
  ],
  ['link_hold', `update transfer_link set hold_id = gen_random_uuid() where hold_id is not null`],
  [
    'reversal_original',
    `update transfer_link set reverses_id = gen_random_uuid() where reverses_id is not null`,
  ],
  [
    // A transfer of at least as much in the same direction as the reversal.
    'reversal_original',
    `update transfer_link set reverses_id = (select id from transfer
       where kind = 'deposit' and credit_account_id = :ada) where reverses_id is not null`,
  ],
  [
    // One of 3, by which 20 and 10 were never moved.
    'reversal_sum',
    `update transfer_link set reverses_id = (select id from transfer where amount = 3 limit 1)
     where reverses_id is not null`,
  ],
  [
    'group_whole',
    `insert into transfer_link (transfer_id, group_id)
     select ${last}, group_id from transfer_link where group_id is not null limit 1`,
  ],
  [
    'group_whole',
    `delete from transfer_link where group_id is not null and transfer_id = (select id from transfer
       where amount = 2 and kind = 'transfer')`,
  ],
  [
    'account_overdrawn',
    `alter table account drop constraint account_not_overdrawn;
     insert into account (id, owner_id, currency, normal_side, overdraft_limit)
       values (gen_random_uuid(), gen_random_uuid(), 'EUR', 'credit', 0);
     alter table account drop constraint account_overdraft_limit_check;
     update account set overdraft_limit = -1 where version = 0 and owner_id is not null;
     insert into account_detail (account_id)
       select id from account where owner_id is not null on conflict do nothing`,
  ],
  [
    'account_range',
    `alter table account drop constraint account_balance_in_range;
     with wide as (
       update account set ledger_balance = ledger_balance + 9007199254740991, version = version + 1
       where id in (:ada, :cash) returning *
     )
     insert into transfer select '0190f6b2-7c1e-7aaa-8bbb-0123456789ab', b.id, b.transfer_count,
       'deposit', :ada, :cash, :ada, 9007199254740991, 'EUR', c.version, a.version,
       c.ledger_balance, a.ledger_balance, greatest(a.booked_at, c.booked_at)
     from wide as a, wide as c, batch as b
     where a.id = :ada and c.id = :cash and b.id = ${unsealed('desc')};
     update batch set transfer_count = transfer_count + 1,
       first_transfer_id = '0190f6b2-7c1e-7aaa-8bbb-0123456789ab' where id = ${unsealed('desc')};
     update account set booked_at = (select max(created_at) from entry where account_id = account.id)
     where id in (:ada, :cash)`,
  ],
  [
    'account_normal_side',
    `alter table account drop constraint account_customer_is_credit_normal;
     update account set normal_side = 'debit' where version = 0 and owner_id is not null`,
  ],
  ['account_detail', `delete from account_detail where account_id = :ada`],
  ['bank_account', `update bank_account set currency = 'USD' where account_id = :fees`],
  ['bank_account', `delete from bank_account where account_id = :fees`],
  // Money from nowhere. Whatever unbalances the whole must break a part as well.
  [
    'conservation',
    `update account set ledger_balance = ledger_balance + 1 where id = :ada`,
    ['account_balance'],
  ],
  [
    'entry_seq',
    `update account set version = version + 1 where id = :ada;
     update transfer set debit_seq = debit_seq + 1 where debit_account_id = :ada and id = ${last}`,
  ],
  [
    'entry_balance',
    `update transfer set debit_balance_after = debit_balance_after + 1 where id = ${last}`,
  ],
  [
    'entry_time',
    // The last entry of both is the greatest in time no more, so the one before it is.
    `update transfer set created_at = created_at - interval '1 day' where id = ${last};
     update account set booked_at = (select max(created_at) from entry where account_id = account.id)
     where id in (:ada, :ben)`,
  ],
  [
    'entry_order',
    `update transfer set batch_index = transfer_count - 1 - batch_index from batch
     where batch.id = batch_id and batch_id = ${wide}`,
  ],
  [
    'feed_order',
    `update batch_seal set last_position = last_position + 1;
     update batch set position = last_position from batch_seal where id = ${unsealed('desc')}`,
  ],
  [
    'feed_order',
    `update batch_seal set last_position = last_position + 2;
     update batch set position = last_position from batch_seal where id = ${unsealed('asc')};
     update batch set position = last_position - 1 from batch_seal where id = ${unsealed('desc')}`,
  ],
  [
    'transfer_accounts',
    // As if both accounts had been removed with everything that bears their names.
    `delete from account_detail where account_id = :won;
     delete from bank_account where account_id = :cash_won;
     delete from account where id in (:won, :cash_won)`,
  ],
  ['transfer_currency', `update transfer set currency = 'USD' where id = ${last}`],
  [
    'transfer_amount',
    // Less than nothing in the other direction adds up.
    `alter table transfer drop constraint transfer_amount_check;
     update transfer set amount = -amount,
       debit_account_id = credit_account_id, credit_account_id = debit_account_id,
       debit_seq = credit_seq, credit_seq = debit_seq,
       debit_balance_after = credit_balance_after, credit_balance_after = debit_balance_after
     where id = ${last}`,
  ],
  ['transfer_kind', `update transfer set kind = 'withdrawal' where id = ${last}`],
  ['transfer_text', `update transfer_text set debit_account_id = :won`],
  [
    'transfer_text',
    `insert into transfer_text (transfer_id, debit_account_id, credit_account_id, reference)
     values (gen_random_uuid(), :ada, :ben, 'r')`,
  ],
  ['batch_count', `update batch set transfer_count = transfer_count + 1 where id = ${wide}`],
  ['batch_count', `delete from batch where id = ${unsealed('desc')}`],
  [
    'batch_count',
    `insert into batch (first_transfer_id, last_transfer_id, transfer_count, created_at)
     values (gen_random_uuid(), gen_random_uuid(), 1, bank_now())`,
  ],
  ['batch_range', `update batch set last_transfer_id = first_transfer_id where id = ${wide}`],
  [
    'batch_range',
    `update batch set first_transfer_id = '00000000-0000-7000-8000-000000000000' where id = ${wide}`,
  ],
  ['batch_index', `update transfer set batch_index = batch_index + 1 where batch_id = ${wide}`],
  [
    'position',
    `update batch_seal set last_position = last_position + 1;
     update batch set position = position + 1 where position = (select max(position) from batch)`,
  ],
  ['position_last', `update batch_seal set last_position = last_position + 1`],
  ['position_last', `delete from batch_seal`],
  [
    'key_outcome',
    `update idempotency_key set transfer_id = gen_random_uuid()
     where transfer_id = ${last}`,
  ],
  [
    'key_outcome',
    `update idempotency_key set account_id = gen_random_uuid()
     where account_id is not null`,
  ],
  [
    'key_outcome',
    `update idempotency_key set hold_id = gen_random_uuid() where hold_id is not null`,
  ],
  [
    'key_principal',
    `update idempotency_key set principal_id = gen_random_uuid()
     where transfer_id = ${last}`,
  ],
  [
    'key_alone',
    `insert into idempotency_key select gen_random_uuid(), principal_id, 'another', 0, format,
       fields, request_id, transfer_id, account_id, refusal, created_at
     from idempotency_key where transfer_id = ${last}`,
  ],
  [
    'key_alone',
    `insert into idempotency_key (id, principal_id, key, item_index, format, fields, request_id,
       hold_id, created_at)
     select gen_random_uuid(), k.principal_id, 'another', 0, k.format, k.fields, k.request_id,
       k.hold_id, k.created_at
     from idempotency_key as k join hold as h on h.id = k.hold_id where h.state = 'active'`,
  ],
]
