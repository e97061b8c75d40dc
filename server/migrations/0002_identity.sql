-- Users and their sessions.

create table app_user (
  id uuid primary key,
  username text not null unique check (username ~ '^[a-z0-9_]{3,64}$'),
  full_name text not null check (char_length(full_name) between 1 and 100),
  email text not null check (char_length(email) between 3 and 254),
  email_verified boolean not null default false,
  -- bcrypt, in its modular crypt format: cost and salt are inside.
  password_hash text not null check (password_hash ~ '^\$2[aby]\$\d\d\$.{53}$'),
  password_changed_at timestamptz(3) not null default bank_now(),
  roles text[] not null default '{customer}'
    check (roles <@ '{customer,teller,auditor,admin}' and roles @> '{customer}'),
  status text not null default 'active' check (status in ('active', 'disabled')),
  created_at timestamptz(3) not null default bank_now()
);

-- An address belongs to one user once it is confirmed; unconfirmed ones may repeat.
create unique index app_user_verified_email on app_user (lower(email)) where email_verified;
-- Staff look users up by address.
create index app_user_email on app_user (lower(email));

create table session (
  id uuid primary key,
  user_id uuid not null references app_user,
  user_agent text check (char_length(user_agent) <= 512),
  address inet,
  created_at timestamptz(3) not null default bank_now()
);
create index session_user_id on session (user_id, id);

grant select, insert, update on app_user to tallystick_server;
grant select, insert on session to tallystick_server;
