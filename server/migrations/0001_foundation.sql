-- What everything else stands on: business time, the version gate and the role with the least rights.

-- Business time. clock_timestamp(), because now() is the start of the tx and the ledger needs a
-- time after its locks; whole milliseconds, cut and not rounded, so that it is never in the future.
create function bank_now() returns timestamptz(3)
  language sql volatile parallel safe
  return date_trunc('milliseconds', clock_timestamp())::timestamptz(3);

-- The oldest server version that may use this schema. A migration that contracts raises it.
create table schema_compatibility (
  singleton boolean primary key default true check (singleton),
  min_server_version text not null check (min_server_version ~ '^\d+\.\d+\.\d+$')
);
insert into schema_compatibility (min_server_version) values ('0.1.0');

-- Secrets that belong to the data and must be the same for every server on it.
create table bank_secret (
  name text primary key,
  secret bytea not null check (octet_length(secret) >= 32)
);
-- Two version-4 UUIDs carry 244 random bits from the server's strong source, without an extension.
insert into bank_secret (name, secret) values (
  'idempotency',
  sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);

-- Raised by every statement that would change what is written for good.
create function refuse_change() returns trigger
  language plpgsql as $$
begin
  raise exception '% of % is refused: its rows are immutable', tg_op, tg_table_name
    using errcode = 'integrity_constraint_violation';
end
$$;

-- The role that holds the server's rights; logins are made members of it. Roles belong to the whole
-- cluster, so another database may have made it already, or be making it at this moment; and a
-- login that may not create roles can do with one that is there.
do $$
begin
  if not exists (select from pg_roles where rolname = 'tallystick_server') then
    create role tallystick_server nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise insufficient_privilege using
      message = format('the login %s may not create the role tallystick_server', current_user),
      hint = format('as a superuser run: create role tallystick_server nologin; '
        'grant tallystick_server to %I', current_user);
end
$$;

grant usage on schema public to tallystick_server;
-- `schema_migration` is the list of applied migrations, made before the first of them runs.
grant select on schema_compatibility, schema_migration, bank_secret to tallystick_server;
