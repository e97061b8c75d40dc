/**
 * Rules about changing a customer's account: its status and its limits. Money does not move.
 */
import { assert, unreachable } from '../../kernel/assert.ts'
import { toMinor } from '../../kernel/money.ts'
import type { AccountChange, ChangeAccountInstruction, ChangeAccountRefusal } from '../engine.ts'
import { availableBalance, isBalanceInRange, isCustomerAccount } from './account.ts'
import type { Terms } from './ruling.ts'
import type { LockedAccount, Spending } from './types.ts'

/** `isNew`: false when the account was like that already. */
export type ChangeDecision =
  | { kind: 'changed'; account: LockedAccount; isNew: boolean }
  | { kind: 'refused'; refusal: ChangeAccountRefusal }

/**
 * Decides on a locked account, `undefined` when there is none. The first refusal that applies is the
 * answer, in the order of `ChangeAccountRefusal`. What is as it should be already is left as it is.
 * `spending` is what {@link countsFrom} asks for.
 */
export function decideChange(
  instruction: ChangeAccountInstruction,
  account: LockedAccount | undefined,
  spending: Spending | undefined,
): ChangeDecision {
  const { principalId, authority, change } = instruction
  if (account === undefined || !isCustomerAccount(account)) {
    return refused({ code: 'account_not_found' })
  }
  const isOwn = account.ownerId === principalId
  if (authority === 'staff' && isOwn) return refused({ code: 'own_account' })
  if (authority === 'owner' && !isOwn) return refused({ code: 'account_not_found' })
  assert(authority === 'staff' || change.kind === 'close', 'an owner does no more than close')
  if (account.status === 'closed') {
    if (change.kind !== 'close') return refused({ code: 'account_closed' })
    return { kind: 'changed', account, isNew: false }
  }
  const after = changed(account, change, spending)
  const refusal =
    change.kind === 'close' ? refuseClosing(account, instruction) : refuseLimits(after)
  if (refusal) return refused(refusal)
  const isSame =
    after.status === account.status &&
    after.overdraftLimit === account.overdraftLimit &&
    after.transferLimit === account.transferLimit &&
    after.dailyLimit === account.dailyLimit
  return { kind: 'changed', account: after, isNew: !isSame }
}

/**
 * Whether the rules have to know what left the account on its present day, and since when that is:
 * where a daily limit is set on an account that had none, and whose spending nobody has counted.
 */
export function countsFrom(
  { change }: ChangeAccountInstruction,
  account: LockedAccount,
  { nowMilliseconds, rules }: Terms,
): number | undefined {
  const isAsked = change.kind === 'set_limits' && change.dailyLimit !== null
  if (!isAsked || account.spending !== null) return undefined
  return rules.dayStart(Math.max(nowMilliseconds, account.bookedAtMilliseconds))
}

/** Whether held money matters, so that what is overdue must have expired before. */
export function dependsOnHeld({ kind }: AccountChange): boolean {
  return kind === 'close' || kind === 'set_overdraft_limit'
}

function changed(
  account: LockedAccount,
  change: AccountChange,
  spending: Spending | undefined,
): LockedAccount {
  switch (change.kind) {
    case 'freeze':
      return { ...account, status: 'frozen' }
    case 'unfreeze':
      return { ...account, status: 'open' }
    case 'close':
      return { ...account, status: 'closed' }
    case 'set_overdraft_limit':
      return { ...account, overdraftLimit: change.overdraftLimit }
    case 'set_limits': {
      const { transferLimit, dailyLimit } = change
      const counted = dailyLimit === null ? null : (account.spending ?? spending)
      assert(counted !== undefined, 'what a daily limit counts is known when it is set')
      return { ...account, transferLimit, dailyLimit, spending: counted }
    }
    default:
      return unreachable(change)
  }
}

function refuseClosing(
  { status, ledgerBalance, held }: LockedAccount,
  { authority }: ChangeAccountInstruction,
): ChangeAccountRefusal | undefined {
  if (status === 'frozen' && authority === 'owner') return { code: 'account_frozen' }
  if (ledgerBalance !== 0n) {
    return { code: 'account_not_empty', ledgerBalance: toMinor(ledgerBalance) }
  }
  return held === 0 ? undefined : { code: 'account_has_holds', held }
}

function refuseLimits(after: LockedAccount): ChangeAccountRefusal | undefined {
  const available = availableBalance(after)
  if (available < 0n) {
    return { code: 'overdraft_in_use', minimum: after.overdraftLimit + Number(-available) }
  }
  return isBalanceInRange(after, after.ledgerBalance) ? undefined : { code: 'balance_out_of_range' }
}

function refused(refusal: ChangeAccountRefusal): ChangeDecision {
  return { kind: 'refused', refusal }
}
