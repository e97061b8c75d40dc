-- How far the scheduled audit has come, and what it found: one row, whose lock makes the audit
-- single-flight and which every server reads its verdict from.
create table audit_progress (
  singleton boolean primary key default true check (singleton),
  -- Of the last batch that was audited. The first audit begins at the beginning.
  position bigint not null default 0 check (position >= 0),
  -- When the audit last reached the end of what was sealed; null before that.
  completed_at timestamptz(3),
  -- Since the last whole audit that was silent.
  finding_count bigint not null default 0 check (finding_count >= 0),
  found_at timestamptz(3),
  check ((finding_count = 0) = (found_at is null))
);
insert into audit_progress default values;

grant select, update on audit_progress to tallystick_server;
