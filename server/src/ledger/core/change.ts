/**
 * Rules about changing a customer's account: its status and its overdraft limit. Money does not move.
 */
import type {
  AccountState,
  ChangeAccountInstruction,
  ChangeAccountRefusal,
  ChangeAccountOutcome,
} from '../engine.ts'
import { availableBalance, isBalanceInRange, isCustomerAccount } from './account.ts'

/**
 * Decides on a locked account, `undefined` when there is none. The first refusal that applies is the
 * answer, in the order of `ChangeAccountRefusal`. What is as it should be already is left as it is.
 */
export function decideChange(
  instruction: ChangeAccountInstruction,
  account: AccountState | undefined,
): ChangeAccountOutcome {
  const { principalId, change } = instruction
  if (account === undefined || !isCustomerAccount(account)) {
    return refused({ code: 'account_not_found' })
  }
  if (account.ownerId === principalId) return refused({ code: 'own_account' })
  if (account.status === 'closed') return refused({ code: 'account_closed' })
  const after: AccountState =
    change.kind === 'set_overdraft_limit'
      ? { ...account, overdraftLimit: change.overdraftLimit }
      : { ...account, status: change.kind === 'freeze' ? 'frozen' : 'open' }
  const available = availableBalance(after)
  if (available < 0n) {
    const minimum = after.overdraftLimit + Number(-available)
    return refused({ code: 'overdraft_in_use', minimum })
  }
  if (!isBalanceInRange(after, after.ledgerBalance))
    return refused({ code: 'balance_out_of_range' })
  const isSame = after.status === account.status && after.overdraftLimit === account.overdraftLimit
  return { kind: 'changed', account: after, isNew: !isSame }
}

function refused(refusal: ChangeAccountRefusal): ChangeAccountOutcome {
  return { kind: 'refused', refusal }
}
