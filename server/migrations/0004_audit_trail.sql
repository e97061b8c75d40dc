-- The audit trail: who did what to whom, one row for each, never changed. Rows hold ids, codes and
-- numbers and never words about people; `request_id` leads to the line of the log.

create table audit_event (
  -- UUIDv7: the order of the list. Of an instruction to the ledger, the id its transfer has or had.
  id uuid primary key,
  -- The closed list is in the code, since it grows with it.
  kind text not null check (kind ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
  -- Null for a stranger, and for the bank's operator at the command line.
  actor_id uuid,
  origin text not null check (origin in ('api', 'command', 'start')),
  -- What it was done to: the prefix that its ids have in the API, and the id.
  subject_prefix text check (subject_prefix ~ '^[a-z]{1,12}$'),
  subject_id uuid,
  facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
  request_id text check (char_length(request_id) <= 64),
  -- More than one where a flood of equal things was counted in place of being written one by one.
  event_count bigint not null default 1 check (event_count > 0),
  created_at timestamptz(3) not null default bank_now(),
  check ((subject_prefix is null) = (subject_id is null))
);
-- An auditor asks what one person did, what was done to one thing, and what there is of one kind.
create index audit_event_actor on audit_event (actor_id, id) where actor_id is not null;
create index audit_event_subject on audit_event (subject_id, id) where subject_id is not null;
create index audit_event_kind on audit_event (kind, id);

create trigger audit_event_is_immutable before update or delete or truncate on audit_event
  for each statement execute function refuse_change();

grant select, insert on audit_event to tallystick_server;
