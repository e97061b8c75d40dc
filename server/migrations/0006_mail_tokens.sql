-- Links that are sent by mail: confirming an address and setting a new password.

create table mail_token (
  -- SHA-256 of the text in the link; the text itself is nowhere but in the mail.
  hash bytea primary key check (octet_length(hash) = 32),
  purpose text not null check (purpose in ('email_confirmation', 'password_reset')),
  user_id uuid not null references app_user,
  -- Where it was sent: it counts while the user has this address.
  email text not null check (char_length(email) between 3 and 254),
  created_at timestamptz(3) not null default bank_now(),
  expires_at timestamptz(3) not null
);
-- How many an address was sent of late, and what a new one replaces.
create index mail_token_email on mail_token (lower(email), purpose);
create index mail_token_user_id on mail_token (user_id);

grant select, insert, delete on mail_token to tallystick_server;
