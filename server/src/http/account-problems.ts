/** A part of the table of problems: the limits of an account, and what stands in the way of its end. */
import type { ProblemKind } from './problem-kind.ts'

export const accountProblems = {
  account_not_empty: {
    status: 409,
    title: 'There is money on the account',
    retry: 'new_key',
    explanation:
      'Only an account with nothing on it is closed: move `ledger_balance` away, or pay in what it is overdrawn by.',
  },
  account_has_holds: {
    status: 409,
    title: 'Money of the account is held',
    retry: 'new_key',
    explanation:
      'An account is closed when none of its holds is active: `held` is their sum, in minor units. Release them, or wait until they expire.',
  },
  daily_limit_exceeded: {
    status: 422,
    title: "The amount is over what is left of the account's limit for a day",
    retry: 'new_key',
    explanation:
      '`limit` is what may leave the account in a day of the bank, `available` what was left of it, `requested` what should have left, all in minor units. Transfers count, and holds when they are placed; what a hold gives back on the same day is free again. Nothing was moved. The key now stands for this refusal: try again with a new one.',
  },
} as const satisfies Record<string, ProblemKind>
