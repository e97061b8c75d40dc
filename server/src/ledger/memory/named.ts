/** What the model reads for a decision, where the real engine has statements for it. */
import type { Uuid } from '../../kernel/ids.ts'
import type { LockedAccount, Original, Overdue, PreparedInstruction } from '../core/types.ts'
import type { Hold, PostedTransfer } from '../engine.ts'

/** The transfers that reversals name, and how much of each is reversed. */
export function originalsOf(
  transfers: ReadonlyMap<Uuid, PostedTransfer>,
  instructions: readonly PreparedInstruction[],
): Map<Uuid, Original> {
  const originals = new Map<Uuid, Original>()
  for (const { instruction } of instructions) {
    if (instruction.kind !== 'reversal') continue
    const transfer = transfers.get(instruction.transferId)
    if (!transfer) continue
    const reversals = [...transfers.values()].filter((each) => each.reversesId === transfer.id)
    const reversed = reversals.reduce((sum, { amount }) => sum + amount, 0)
    originals.set(transfer.id, { transfer, reversed })
  }
  return originals
}

/** What is overdue on those of the accounts that may have something overdue: all of it. */
export function overdueOn(
  accounts: ReadonlyMap<Uuid, LockedAccount>,
  holds: ReadonlyMap<Uuid, Hold>,
  accountIds: readonly Uuid[],
  nowMilliseconds: number,
): Map<Uuid, Overdue> {
  const overdue = new Map<Uuid, Overdue>()
  for (const id of accountIds) {
    const expiresAt = accounts.get(id)?.holdExpiresAtMilliseconds ?? Infinity
    if (expiresAt > nowMilliseconds) continue
    const active = [...holds.values()].filter(
      ({ debitAccountId, state }) => debitAccountId === id && state === 'active',
    )
    const isOverdue = (hold: Hold) => hold.expiresAt.getTime() <= nowMilliseconds
    const others = active.filter((hold) => !isOverdue(hold))
    const nextExpiryMilliseconds = Math.min(...others.map((hold) => hold.expiresAt.getTime()))
    overdue.set(id, { holds: active.filter(isOverdue), nextExpiryMilliseconds })
  }
  return overdue
}
