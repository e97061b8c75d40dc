-- The ledger. Money is bigint minor units where one movement or one customer is concerned and
-- numeric where sums may outgrow that. Immutable rows hold ids and never words about people.

-- What a batch locks, reads and updates: only what the decision needs, so that it stays narrow. No
-- updated column is indexed and half of each page is left free, so updates stay HOT.
create table account (
  id uuid primary key,
  -- Null for an account of the bank itself, which has no limit.
  owner_id uuid,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  normal_side text not null check (normal_side in ('debit', 'credit')),
  status text not null default 'open' check (status in ('open', 'frozen', 'closed')),
  overdraft_limit bigint not null default 0 check (overdraft_limit between 0 and 9007199254740991),
  -- Posted, in the account's normal side.
  ledger_balance numeric(38, 0) not null default 0,
  -- Reserved by active holds.
  held bigint not null default 0 check (held between 0 and 9007199254740991),
  -- The seq of the account's last entry.
  version bigint not null default 0 check (version >= 0),
  -- The time of the account's last entry: no booking is earlier than the one before it.
  booked_at timestamptz(3) not null default '-infinity',
  constraint account_customer_is_credit_normal check (owner_id is null or normal_side = 'credit'),
  constraint account_balance_in_range
    check (owner_id is null or ledger_balance between -9007199254740991 and 9007199254740991),
  constraint account_not_overdrawn
    check (owner_id is null or ledger_balance - held + overdraft_limit >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
create index account_owner_id on account (owner_id, id) where owner_id is not null;

-- What people call an account and when it was opened.
create table account_detail (
  account_id uuid primary key references account,
  name text check (char_length(name) between 1 and 100),
  created_at timestamptz(3) not null default bank_now()
);

-- The bank's own accounts by code and currency; opened once, never changed.
create table bank_account (
  code text not null check (code ~ '^(cash|fees|settlement:[a-z0-9_-]{1,40})$'),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  account_id uuid not null unique references account,
  created_at timestamptz(3) not null default bank_now(),
  primary key (code, currency)
);

-- One row per batch that committed. Ids come from a sequence while the batch's account locks are
-- held, so ids order batches that share an account, and only those. `position` is the gapless order
-- of visibility that the sealer gives; feeds follow it. The transfers of a batch are those with its
-- id between the first and the last transfer id, found through the primary key of `transfer`.
create table batch (
  id bigint primary key generated always as identity,
  first_transfer_id uuid not null,
  last_transfer_id uuid not null,
  transfer_count integer not null check (transfer_count > 0),
  created_at timestamptz(3) not null,
  position bigint unique check (position > 0)
);
create index batch_unsealed on batch (id) where position is null;

-- The last position that was given; its row lock makes sealing single-flight.
create table batch_seal (
  singleton boolean primary key default true check (singleton),
  last_position bigint not null check (last_position >= 0)
);
insert into batch_seal (last_position) values (0);

-- One movement of money: one debit account, one credit account, one amount. An unbalanced one cannot
-- be written down. Both sides' seq and balance after are on the row, so an entry needs no row of its
-- own. No foreign keys: each would cost a look-up per row (measured in bench), the batch has locked
-- and read both accounts, and the auditor checks.
create table transfer (
  id uuid primary key,
  batch_id bigint not null,
  batch_index smallint not null check (batch_index >= 0),
  kind text not null check (kind in ('transfer', 'deposit', 'withdrawal')),
  principal_id uuid not null,
  debit_account_id uuid not null,
  credit_account_id uuid not null,
  amount bigint not null check (amount between 1 and 9007199254740991),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  debit_seq bigint not null check (debit_seq > 0),
  credit_seq bigint not null check (credit_seq > 0),
  debit_balance_after numeric(38, 0) not null,
  credit_balance_after numeric(38, 0) not null,
  created_at timestamptz(3) not null,
  constraint transfer_two_accounts check (debit_account_id <> credit_account_id)
);
create unique index transfer_debit_entry on transfer (debit_account_id, debit_seq);
create unique index transfer_credit_entry on transfer (credit_account_id, credit_seq);

-- The words of a transfer, written only where there are any, so that they can be blanked one day.
create table transfer_text (
  transfer_id uuid primary key,
  debit_account_id uuid not null,
  credit_account_id uuid not null,
  description text check (char_length(description) between 1 and 140),
  reference text check (char_length(reference) between 1 and 64),
  metadata jsonb check (jsonb_typeof(metadata) = 'object'),
  check (num_nonnulls(description, reference, metadata) > 0)
);
create index transfer_text_debit_reference
  on transfer_text (debit_account_id, reference, transfer_id) where reference is not null;
create index transfer_text_credit_reference
  on transfer_text (credit_account_id, reference, transfer_id) where reference is not null;
create index transfer_text_reference
  on transfer_text (reference, transfer_id) where reference is not null;

-- One account's view of its transfers. A reader gives `amount` its sign by the account's normal side.
create view entry as
  select debit_account_id as account_id, debit_seq as seq, 'debit'::text as side, id as transfer_id,
    credit_account_id as counterparty_account_id, amount, debit_balance_after as balance_after,
    created_at
  from transfer
  union all
  select credit_account_id, credit_seq, 'credit'::text, id, debit_account_id, amount,
    credit_balance_after, created_at
  from transfer;

-- One row per instruction that has an outcome to keep. `id` is the first 16 bytes of the SHA-256
-- over (principal, key, item index). `fields` is an HMAC per field of the instruction, so that a
-- reused key can name the fields that differ and no words are kept.
create table idempotency_key (
  id uuid primary key,
  principal_id uuid not null,
  key text not null check (char_length(key) between 1 and 255),
  item_index integer not null check (item_index >= 0),
  format smallint not null,
  fields bytea not null,
  request_id text not null check (char_length(request_id) <= 64),
  transfer_id uuid,
  account_id uuid,
  refusal jsonb,
  created_at timestamptz(3) not null,
  constraint idempotency_key_one_outcome
    check (num_nonnulls(transfer_id, account_id, refusal) = 1)
);

-- The write set of a batch is one statement; its last act is to compare how many rows each part of
-- it was to write with how many it wrote, and to raise unless they are equal.
create function refuse_half_batch(expected integer[], written integer[]) returns boolean
  language plpgsql immutable as $$
begin
  if written is distinct from expected then
    raise exception 'half a batch: % rows written of %', written, expected
      using errcode = 'assert_failure';
  end if;
  return true;
end
$$;

create trigger transfer_is_immutable before update or delete or truncate on transfer
  for each statement execute function refuse_change();
create trigger idempotency_key_is_immutable before update or delete or truncate on idempotency_key
  for each statement execute function refuse_change();

grant select, insert, update on account to tallystick_server;
grant select, insert on account_detail, bank_account, transfer, transfer_text, idempotency_key
  to tallystick_server;
grant select on entry to tallystick_server;
grant select, insert, update (position) on batch to tallystick_server;
grant select, update on batch_seal to tallystick_server;
