/** What a dry run shows beside its outcome: the accounts as they would be, and what is left of limits. */
import { present } from '../../kernel/assert.ts'
import type { Outcome } from '../engine.ts'
import { stateOf } from './account.ts'
import type { View } from './draft.ts'
import { limitsLeft } from './limits.ts'
import type { Terms } from './ruling.ts'
import type { PreparedInstruction } from './types.ts'

/** `after`: all as it is once the whole group, or the one instruction, has been decided. */
export function withPreview(
  outcome: Outcome | undefined,
  { debitAccountId, creditAccountId }: PreparedInstruction,
  after: View,
  { nowMilliseconds, rules }: Terms,
): Outcome {
  const decided = present(outcome, 'the outcome of a dry run')
  if (decided.kind === 'refused') return decided
  const debit = present(after.account(debitAccountId), 'the account that pays')
  const credit = after.account(creditAccountId)
  const limits = limitsLeft(debit, rules, nowMilliseconds)
  return {
    ...decided,
    preview: { debit: stateOf(debit), credit: credit ? stateOf(credit) : null, limits },
  }
}
