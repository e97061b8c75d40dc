-- API keys: what a program shows in place of a person's access token. The key itself is shown once
-- and never stored; it has 256 random bits, so a plain hash of it tells nothing.

create table api_key (
  id uuid primary key,
  -- On whose behalf requests with it act; the key is never the principal.
  user_id uuid not null references app_user,
  -- Another one than the user where an admin made it.
  created_by uuid not null references app_user,
  name text not null check (char_length(name) between 1 and 100),
  -- SHA-256 of the whole text of the key.
  key_hash bytea not null check (octet_length(key_hash) = 32),
  -- The closed list is in the code, since it grows with it.
  scopes text[] not null check (cardinality(scopes) > 0),
  created_at timestamptz(3) not null default bank_now(),
  expires_at timestamptz(3),
  -- To the minute: it is written at most once in that time.
  last_used_at timestamptz(3),
  revoked_at timestamptz(3),
  revoked_by uuid references app_user
);
create index api_key_user_id on api_key (user_id, id);

grant select, insert, update (last_used_at, revoked_at, revoked_by) on api_key to tallystick_server;
