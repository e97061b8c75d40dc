/** Holds that ended an hour ago and that nobody has expired yet, without an hour of waiting. */
import type { ClientBase } from 'pg'
import type { Uuid } from '../../server/src/kernel/ids.ts'

/** Moves active holds into the past. `owner` owns the tables: others could not, and nor should they. */
export async function makeOverdue(owner: ClientBase, holdIds: readonly Uuid[]): Promise<void> {
  await owner.query('begin')
  await owner.query('alter table hold disable trigger hold_is_resolved_once')
  await owner.query(
    `update hold set created_at = bank_now() - interval '2 hours',
        expires_at = bank_now() - interval '1 hour'
      where id = any($1) and state = 'active'`,
    [holdIds],
  )
  await owner.query(
    `update account set hold_expires_at = bank_now() - interval '1 hour'
      where id in (select debit_account_id from hold where id = any($1))`,
    [holdIds],
  )
  await owner.query('alter table hold enable trigger hold_is_resolved_once')
  await owner.query('commit')
}
