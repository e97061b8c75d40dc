-- Holds, and what links a transfer to a hold, to the transfer it reverses and to its group. The rows of
-- `account` and `transfer` that every batch writes stay as wide as they were.

-- Money reserved on the debit account for the credit account, until it is captured, released or
-- expired. The lock on the debit account protects it. No foreign keys, as in `transfer`.
create table hold (
  id uuid primary key,
  principal_id uuid not null,
  debit_account_id uuid not null,
  credit_account_id uuid not null,
  amount bigint not null check (amount between 1 and 9007199254740991),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  expires_at timestamptz(3) not null,
  created_at timestamptz(3) not null,
  state text not null check (state in ('active', 'captured', 'released', 'expired')),
  captured bigint not null default 0,
  resolved_at timestamptz(3),
  -- The transfer that captured it.
  transfer_id uuid,
  constraint hold_two_accounts check (debit_account_id <> credit_account_id),
  constraint hold_expires_later check (expires_at > created_at),
  constraint hold_captured_in_part
    check (captured between 0 and amount and (captured > 0) = (state = 'captured')),
  constraint hold_resolution check (
    (resolved_at is null) = (state = 'active') and (transfer_id is null) = (state <> 'captured')
  )
);
create index hold_debit_account on hold (debit_account_id, id);
create index hold_active on hold (debit_account_id, id) where state = 'active';
-- What is overdue on one account, and what is overdue at all.
create index hold_overdue on hold (debit_account_id, expires_at) where state = 'active';
create index hold_expiry on hold (expires_at) where state = 'active';

-- An active hold is resolved once; nothing else about a hold ever changes.
create function refuse_hold_change() returns trigger
  language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.state = 'active' and new.state <> 'active'
    and (new.id, new.principal_id, new.debit_account_id, new.credit_account_id, new.amount,
      new.currency, new.expires_at, new.created_at)
    = (old.id, old.principal_id, old.debit_account_id, old.credit_account_id, old.amount,
      old.currency, old.expires_at, old.created_at)
  then
    return new;
  end if;
  raise exception '% of % is refused: a hold is resolved once and never changed else',
    tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
create trigger hold_is_resolved_once before update or delete on hold
  for each row execute function refuse_hold_change();
create trigger hold_is_kept before truncate on hold
  for each statement execute function refuse_change();

-- What a transfer belongs to, written only where it belongs to something.
create table transfer_link (
  transfer_id uuid primary key,
  reverses_id uuid,
  hold_id uuid,
  group_id uuid,
  constraint transfer_link_to_something check (num_nonnulls(reverses_id, hold_id, group_id) > 0),
  constraint transfer_link_not_to_itself check (reverses_id <> transfer_id)
);
create index transfer_link_reverses on transfer_link (reverses_id) where reverses_id is not null;
-- A hold is captured once.
create unique index transfer_link_hold on transfer_link (hold_id) where hold_id is not null;
create index transfer_link_group on transfer_link (group_id) where group_id is not null;
create trigger transfer_link_is_immutable before update or delete or truncate on transfer_link
  for each statement execute function refuse_change();

-- No active hold on the account expires before this; null when it has none. Read with the lock, so
-- that a batch looks for overdue holds only where there may be some.
alter table account add column hold_expires_at timestamptz(3);

-- Rows that are there passed stricter checks, so these need not be held against them.
alter table transfer drop constraint transfer_kind_check,
  add constraint transfer_kind_check
    check (kind in ('transfer', 'deposit', 'withdrawal', 'capture', 'reversal')) not valid;
alter table idempotency_key add column hold_id uuid;
alter table idempotency_key drop constraint idempotency_key_one_outcome,
  add constraint idempotency_key_one_outcome
    check (num_nonnulls(transfer_id, account_id, hold_id, refusal) = 1) not valid;

grant select, insert, update (state, captured, resolved_at, transfer_id) on hold
  to tallystick_server;
grant select, insert on transfer_link to tallystick_server;
