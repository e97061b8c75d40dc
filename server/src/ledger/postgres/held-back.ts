/**
 * Which orders of a batch have to wait because someone else holds one of their accounts.
 *
 * A batch waits for its locks up to `lock_timeout`. When it ran into that once, somebody holds an
 * account for longer than any batch should take: a server that was stopped inside its tx. The batch
 * then locks what is free and goes on without those that need what is not, so that only they wait
 * for the end of that session.
 */
import type { Uuid } from '../../kernel/ids.ts'
import type { PreparedOrder } from './order.ts'

/**
 * For each order whether it is held back: because it needs an account that exists and is not locked,
 * or shares a customer's account with an earlier one that is held back, which it must not overtake.
 */
export function findHeldBack(
  batch: readonly PreparedOrder[],
  existing: Iterable<Uuid>,
  locked: ReadonlyMap<Uuid, unknown>,
): boolean[] {
  const waitedFor = new Set<Uuid>()
  for (const id of existing) if (!locked.has(id)) waitedFor.add(id)
  return batch.map(({ accountIds, customerIds }) => {
    const isHeldBack = accountIds.some((id) => waitedFor.has(id))
    if (isHeldBack) for (const id of customerIds) waitedFor.add(id)
    return isHeldBack
  })
}
