/** Idempotency keys against the outcomes that they stand for. */
import { auditStatement, type AuditPass } from './check.ts'

/**
 * Reads `idempotency_key` twice: joins `transfer` and `account` by hash, and counts the keys of each
 * outcome, hashed. A key with a refusal stands for nothing.
 */
export const keys = auditStatement(
  'keys',
  `kept as (
    select k.id, k.principal_id, k.transfer_id, k.account_id, t.id as transfer_found,
      t.principal_id as transfer_principal_id, a.id as account_found, a.owner_id
    from idempotency_key as k
      left join transfer as t on t.id = k.transfer_id
      left join account as a on a.id = k.account_id
    where k.transfer_id is not null or k.account_id is not null
  ), broken as (
    select *, transfer_found is null and account_found is null as is_dangling
    from kept
    where (transfer_found is null and account_found is null)
      or coalesce(transfer_principal_id, owner_id) <> principal_id
  ), shared as (
    select transfer_id, account_id, count(*) as key_count from idempotency_key
    where transfer_id is not null or account_id is not null
    group by transfer_id, account_id having count(*) > 1
  )`,
  `select case when is_dangling then 'key_outcome' else 'key_principal' end as check_name,
      jsonb_build_object('key_id', id, 'transfer_id', transfer_id, 'account_id', account_id) as facts
    from broken
    union all
    select 'key_alone', jsonb_build_object('transfer_id', transfer_id, 'account_id', account_id,
      'key_count', key_count)
    from shared`,
)

export const keyPasses: readonly AuditPass[] = [
  {
    title: 'idempotency keys against their outcomes',
    checks: {
      key_outcome: 'a key stands for a transfer or an account that exists',
      key_principal: 'a key and its outcome have one principal',
      key_alone: 'an outcome has one key',
    },
    statement: keys,
  },
]
