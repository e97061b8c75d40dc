-- The second factor: codes by time (RFC 6238) from an app, and recovery codes for who has lost it.

-- The key that seals secrets of users, itself sealed under a key derived from the token key. One row,
-- made at first use: a new token key seals it anew, and no secret of a user is touched.
create table data_key (
  singleton boolean primary key default true check (singleton),
  sealed bytea not null
);

create table second_factor (
  user_id uuid primary key references app_user,
  -- Sealed under the data key.
  secret bytea not null,
  -- Null until the first code has shown that the app has the secret.
  confirmed_at timestamptz(3),
  -- The 30 seconds whose code was the last that was accepted: none counts twice.
  last_step bigint not null default 0,
  created_at timestamptz(3) not null default bank_now()
);

-- SHA-256 of each code that has not been used.
create table recovery_code (
  hash bytea primary key check (octet_length(hash) = 32),
  user_id uuid not null references app_user,
  created_at timestamptz(3) not null default bank_now()
);
create index recovery_code_user_id on recovery_code (user_id);

-- A login whose password was right and whose code is awaited.
create table second_factor_challenge (
  -- SHA-256 of the text that the client has.
  hash bytea primary key check (octet_length(hash) = 32),
  user_id uuid not null references app_user,
  tries smallint not null default 0 check (tries between 0 and 5),
  created_at timestamptz(3) not null default bank_now(),
  expires_at timestamptz(3) not null
);
create index second_factor_challenge_user_id on second_factor_challenge (user_id);

grant select, insert, update (sealed) on data_key to tallystick_server;
grant select, insert, update, delete on second_factor to tallystick_server;
grant select, insert, delete on recovery_code to tallystick_server;
grant select, insert, update (tries), delete on second_factor_challenge to tallystick_server;
