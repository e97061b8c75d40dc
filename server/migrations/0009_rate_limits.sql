-- Limits on how often things may be tried, shared by all servers: sign-up, login, password reset and
-- second factor. A bucket holds so many tries and fills up again evenly over its period. Keys are
-- hashes of what is limited (an address, a name, both), so nothing here is about people.

-- Unlogged: it is written at every login, and after a crash of PostgreSQL all buckets are full.
create unlogged table rate_limit (
  key bytea primary key check (octet_length(key) = 16),
  -- When the bucket is full again, if nothing more is taken from it.
  full_at timestamptz not null
) with (fillfactor = 50);

-- Where users logged in from before, as hashes of name and address: they are not held up by what
-- strangers try from elsewhere.
create table known_source (
  key bytea primary key check (octet_length(key) = 16),
  seen_at timestamptz(3) not null default bank_now()
);

-- Takes one from each bucket in turn, up to the first that is empty. Of each bucket that was asked it
-- returns how many are left, and how long until one is there and until it is full. Rows are locked
-- one after the other in the order of the keys; callers name them in one order of kinds, so that no
-- two wait for each other. A known source leaves the last bucket alone.
create function take_from_rate_limits(
  bucket_keys bytea[], counts integer[], periods interval[], known_key bytea
) returns table (place integer, is_allowed boolean, remaining integer, wait_ms bigint, full_ms bigint)
  language plpgsql as $$
declare
  last_place integer := cardinality(bucket_keys);
  step interval;
  full_before timestamptz;
  moment timestamptz;
begin
  for next_place in 1 .. last_place loop
    if next_place = last_place and known_key is not null
      and exists (select from known_source where known_source.key = known_key) then
      return;
    end if;
    step := periods[next_place] / counts[next_place];
    -- The update changes nothing and locks: the moment is read when nobody else can be before us.
    insert into rate_limit as bucket (key, full_at) values (bucket_keys[next_place], '-infinity')
      on conflict (key) do update set full_at = bucket.full_at
      returning bucket.full_at into full_before;
    moment := bank_now();
    full_before := greatest(full_before, moment);
    place := next_place;
    is_allowed := full_before + step <= moment + periods[next_place];
    if is_allowed then
      full_before := full_before + step;
      update rate_limit set full_at = full_before where key = bucket_keys[next_place];
    end if;
    remaining := floor(extract(epoch from moment + periods[next_place] - full_before)
      / extract(epoch from step));
    wait_ms := greatest(0, ceil(1000 * extract(epoch from
      full_before + step - periods[next_place] - moment)));
    full_ms := ceil(1000 * extract(epoch from full_before - moment));
    return next;
    exit when not is_allowed;
  end loop;
end
$$;

-- Gives back what was taken for a try that was a good one, by the same rule; a null period fills the
-- bucket up. The source is known from now on.
create function give_back_to_rate_limits(
  bucket_keys bytea[], counts integer[], periods interval[], known_key bytea
) returns void
  language plpgsql as $$
declare
  last_place integer := cardinality(bucket_keys);
begin
  for place in 1 .. last_place loop
    exit when place = last_place and known_key is not null
      and exists (select from known_source where known_source.key = known_key);
    update rate_limit
      set full_at = coalesce(full_at - periods[place] / counts[place], '-infinity')
      where key = bucket_keys[place];
  end loop;
  if known_key is not null then
    insert into known_source (key) values (known_key)
      on conflict (key) do update set seen_at = excluded.seen_at;
  end if;
end
$$;

grant select, insert, update, delete on rate_limit, known_source to tallystick_server;
