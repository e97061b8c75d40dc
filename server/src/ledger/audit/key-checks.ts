/** Idempotency keys against the outcomes that they stand for. */
import { auditStatement, type AuditPass } from './check.ts'

/**
 * Reads `idempotency_key` whole, joins `transfer` and `account` by hash, and groups by transfer. A
 * key with a refusal stands for nothing.
 */
export const keys = auditStatement(
  'keys',
  `kept as (
    select k.id, k.principal_id, k.transfer_id, k.account_id, t.id as transfer_found,
      t.principal_id as transfer_principal_id, a.id as account_found, a.owner_id,
      count(*) over (partition by k.transfer_id, k.account_id) as key_count
    from idempotency_key as k
      left join transfer as t on t.id = k.transfer_id
      left join account as a on a.id = k.account_id
    where k.transfer_id is not null or k.account_id is not null
  )`,
  `select 'key_outcome' as check_name, jsonb_build_object('key_id', id, 'transfer_id', transfer_id,
      'account_id', account_id) as facts
    from kept where transfer_found is null and account_found is null
    union all
    select 'key_principal', jsonb_build_object('key_id', id, 'transfer_id', transfer_id,
      'account_id', account_id)
    from kept where coalesce(transfer_principal_id, owner_id) <> principal_id
    union all
    select 'key_alone', jsonb_build_object('key_id', id, 'transfer_id', transfer_id,
      'account_id', account_id)
    from kept where key_count > 1`,
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
