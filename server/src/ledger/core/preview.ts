/** What a dry run shows beside its outcome: the accounts as they would be, and what is left of limits. */
import { present } from '../../kernel/assert.ts'
import type { AccountState, Outcome } from '../engine.ts'
import type { View } from './draft.ts'
import type { Terms } from './ruling.ts'
import type { LockedAccount, PreparedInstruction } from './types.ts'

/** `after`: all as it is once the whole group, or the one instruction, has been decided. */
export function withPreview(
  outcome: Outcome | undefined,
  { debitAccountId, creditAccountId }: PreparedInstruction,
  after: View,
  { rules }: Terms,
): Outcome {
  const decided = present(outcome, 'the outcome of a dry run')
  if (decided.kind === 'refused') return decided
  const debit = present(after.account(debitAccountId), 'the account that pays')
  const credit = after.account(creditAccountId)
  const limits = { transfer: rules.transferAmountMax, dailyRemaining: null }
  return {
    ...decided,
    preview: { debit: stateOf(debit), credit: credit ? stateOf(credit) : null, limits },
  }
}

function stateOf(account: LockedAccount): AccountState {
  const { id, ownerId, currency, normalSide, status } = account
  const { overdraftLimit, ledgerBalance, held, version } = account
  return {
    id,
    ownerId,
    currency,
    normalSide,
    status,
    overdraftLimit,
    ledgerBalance,
    held,
    version,
  }
}
