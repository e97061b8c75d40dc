/**
 * A part of the table of problems: well-formed, but refused by what accounts, holds and transfers are.
 * In the order in which the first that applies is the answer.
 */
import type { ProblemKind } from './problem-kind.ts'

export const refusalProblems = {
  same_account: {
    status: 422,
    title: 'Both sides are the same account',
    retry: 'never',
    explanation: 'A transfer needs two different accounts.',
  },
  currency_mismatch: {
    status: 422,
    title: 'The account has another currency',
    retry: 'new_key',
    explanation:
      'The currency of a transfer is that of both its accounts. `side` says which account differs, `account_currency` what it has.',
  },
  not_reversible: {
    status: 422,
    title: 'The transfer cannot be reversed',
    retry: 'never',
    explanation:
      'A reversal is not reversed: make a new transfer for what should go back. Deposits and withdrawals are reversed by tellers only.',
  },
  capture_exceeds_hold: {
    status: 422,
    title: 'The amount is more than the hold has',
    retry: 'new_key',
    explanation:
      'A hold is captured once, in whole or in part: `available` is its amount, `requested` what should have been taken, both in minor units. The hold is still active.',
  },
  reversal_exceeds_original: {
    status: 422,
    title: 'The amount is more than is left of the transfer',
    retry: 'new_key',
    explanation:
      'All reversals of a transfer together are at most its amount: `available` is what is left to reverse, `requested` what should have been, both in minor units.',
  },
  account_frozen: {
    status: 422,
    title: 'The account is frozen',
    retry: 'new_key',
    explanation: 'A frozen account receives, but does not pay.',
  },
  account_closed: {
    status: 422,
    title: 'The account is closed',
    retry: 'never',
    explanation: 'A closed account neither pays nor receives. `side` says which account it is.',
  },
  limit_exceeded: {
    status: 422,
    title: 'The amount is over the limit for one transfer',
    retry: 'new_key',
    explanation: '`limit` is the largest amount of one transfer, in minor units.',
  },
  overdraft_in_use: {
    status: 422,
    title: 'The account is overdrawn by more than that',
    retry: 'new_key',
    explanation:
      'An overdraft limit covers what is overdrawn and held: `minimum` is the least that it can be now, in minor units.',
  },
  insufficient_funds: {
    status: 422,
    title: 'The available balance is not enough',
    retry: 'new_key',
    explanation:
      '`available` is what the account could have paid at that moment, `requested` what it should have paid, both in minor units. Nothing was moved. The key now stands for this refusal: try again with a new one.',
  },
  balance_out_of_range: {
    status: 422,
    title: 'The balance would leave the range of exact integers',
    retry: 'never',
    explanation: 'Balances of customers stay within 2^53 - 1 minor units in either direction.',
  },
  group_failed: {
    status: 422,
    title: 'Another transfer of the group was refused',
    retry: 'new_key',
    explanation:
      'Transfers that were asked for as one are posted all or none. `index` is the place of the one that was refused, from 0, and `errors` says why. Nothing was moved, and the key now stands for this refusal: try again with a new one.',
  },
} as const satisfies Record<string, ProblemKind>
