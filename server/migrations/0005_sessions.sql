-- Sessions that are kept alive by refresh tokens, and that end. Only additions: a server of the
-- version before goes on inserting sessions, which then have no refresh token.

-- Of the refresh token that counts at present: how many came before it, and the SHA-256 of its text.
alter table session
  add column refresh_generation bigint not null default 0,
  add column refresh_hash bytea,
  add column refreshed_at timestamptz(3),
  add column refresh_expires_at timestamptz(3),
  -- When the last thing that was made from the session stops counting by itself.
  add column expires_at timestamptz(3),
  -- Nothing of the session counts from here on. Written once.
  add column ended_at timestamptz(3),
  add column end_reason text;

-- An access token counts while it has the epoch of its user: a change of roles or of status takes
-- all of them back, whoever makes it. With the session's refresh token there is a new one. Roles are
-- a set: their order is no change.
alter table app_user add column access_epoch bigint not null default 0;

create function advance_access_epoch() returns trigger
  language plpgsql as $$
begin
  new.access_epoch := old.access_epoch + 1;
  return new;
end
$$;
create trigger app_user_access_epoch before update on app_user
  for each row
  when (not (old.roles <@ new.roles and new.roles <@ old.roles)
    or old.status is distinct from new.status)
  execute function advance_access_epoch();

grant update (refresh_generation, refresh_hash, refreshed_at, refresh_expires_at, expires_at,
  ended_at, end_reason) on session to tallystick_server;
