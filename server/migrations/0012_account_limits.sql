-- Limits on what leaves an account by its owner's word, for one transfer and for a day. Read with the
-- lock and decided in the batch; no updated column is indexed, so updates stay HOT.

alter table account
  -- The most that one transfer or hold may move; null: the bank's own limit alone.
  add column transfer_limit bigint,
  -- The most that may leave in a day; null: no such limit, and nothing is counted.
  add column daily_limit bigint,
  -- What has left since then. The moment is the start of a day of the bank (BANK_TIME_ZONE): that of
  -- the last day on which something was counted. As a moment and not as a date, so that nothing but
  -- the server that counts needs to know the time zone.
  add column spent_since timestamptz(3),
  -- Transfers, and holds when they are placed; what a hold gives back on the same day is taken off. Wider
  -- than one amount, because money can go to and fro before a limit is set.
  add column spent numeric(38, 0) not null default 0;

-- No row has limits yet, so none needs to be held against them.
alter table account
  add constraint account_limits_in_range check (
    transfer_limit between 0 and 9007199254740991 and daily_limit between 0 and 9007199254740991
  ) not valid,
  add constraint account_spent_is_counted check (
    (daily_limit is null) = (spent_since is null) and spent >= 0
      and (daily_limit is not null or spent = 0)
  ) not valid;

-- Names are the owner's to change.
grant update (name) on account_detail to tallystick_server;
