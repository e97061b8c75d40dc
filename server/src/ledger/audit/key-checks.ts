/** Idempotency keys against the outcomes that they stand for. */
import { auditStatement, type AuditPass } from './check.ts'

/**
 * Reads `idempotency_key` twice: joins `transfer`, `account` and `hold` by hash, and counts the keys
 * of each outcome, hashed. A key with a refusal stands for nothing. A hold has the key that placed it,
 * and one more when it was released.
 */
export const keys = auditStatement(
  'keys',
  `kept as (
    select k.id, k.principal_id, k.transfer_id, k.account_id, k.hold_id,
      coalesce(t.id, a.id, h.id) as outcome_found,
      coalesce(t.principal_id, a.owner_id, h.principal_id) as outcome_principal_id
    from idempotency_key as k
      left join transfer as t on t.id = k.transfer_id
      left join account as a on a.id = k.account_id
      left join hold as h on h.id = k.hold_id
    where k.transfer_id is not null or k.account_id is not null or k.hold_id is not null
  ), broken as (
    select *, outcome_found is null as is_dangling from kept
    where outcome_found is null or outcome_principal_id <> principal_id
  ), shared as (
    select transfer_id, account_id, hold_id, count(*) as key_count from idempotency_key
    where transfer_id is not null or account_id is not null or hold_id is not null
    group by transfer_id, account_id, hold_id having count(*) > 1
  )`,
  `select case when is_dangling then 'key_outcome' else 'key_principal' end as check_name,
      jsonb_build_object('key_id', id, 'transfer_id', transfer_id, 'account_id', account_id,
        'hold_id', hold_id) as facts
    from broken
    union all
    select 'key_alone', jsonb_build_object('transfer_id', s.transfer_id,
      'account_id', s.account_id, 'hold_id', s.hold_id, 'key_count', s.key_count)
    from shared as s left join hold as h on h.id = s.hold_id
    where s.key_count > case h.state when 'released' then 2 else 1 end`,
)

export const keyPasses: readonly AuditPass[] = [
  {
    title: 'idempotency keys against their outcomes',
    checks: {
      key_outcome: 'a key stands for a transfer, a hold or an account that exists',
      key_principal: 'a key and its outcome have one principal',
      key_alone: 'an outcome has one key, and the release of a hold one of its own',
    },
    statement: keys,
  },
]
