/**
 * Why the ledger refuses an instruction, in the one order of precedence: the first that applies is
 * the answer. The list is read by the core, the HTTP edge, the docs and the tests.
 */
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Minor } from '../../kernel/money.ts'
import type { HoldState } from '../engine.ts'

/** The codes of {@link Refusal}, first to last. */
export const refusalOrder = [
  'idempotency_key_reused',
  'hold_not_found',
  'transfer_not_found',
  'account_not_found',
  'own_account',
  'same_account',
  'currency_mismatch',
  'hold_not_active',
  'not_reversible',
  'capture_exceeds_hold',
  'reversal_exceeds_original',
  'account_frozen',
  'account_closed',
  'limit_exceeded',
  'daily_limit_exceeded',
  'insufficient_funds',
  'balance_out_of_range',
  'group_failed',
] as const satisfies readonly RefusalCode[]

export type Side = 'debit' | 'credit'

/** The fields of an instruction that a reused key can differ in, by their names in the API. */
export type InstructionField =
  | 'kind'
  | 'from_account_id'
  | 'to_account_id'
  | 'amount'
  | 'currency'
  | 'description'
  | 'reference'
  | 'metadata'
  | 'name'
  | 'hold_id'
  | 'transfer_id'
  | 'expires_in'
  | 'transfers'

/**
 * A closed union; facts are ids and numbers only, never words about people, since they are stored
 * with the idempotency key and rendered again at each replay.
 */
export type Refusal =
  /** The key was used for another instruction; never stored. */
  | { code: 'idempotency_key_reused'; fields: InstructionField[] }
  /** There is none, or its debit account is not the caller's. */
  | { code: 'hold_not_found' }
  /** There is none, or the account that received it is not the caller's. */
  | { code: 'transfer_not_found' }
  /** The debit account is absent or not the caller's to debit, or the credit account is absent. */
  | { code: 'account_not_found'; side: Side }
  /** Staff must not post to or from an account of their own in that role. */
  | { code: 'own_account'; side: Side }
  | { code: 'same_account' }
  | { code: 'currency_mismatch'; side: Side; accountCurrency: CurrencyCode; currency: CurrencyCode }
  /** It was captured or released, or is overdue. */
  | { code: 'hold_not_active'; state: Exclude<HoldState, 'active'> }
  /** A reversal is final, and only staff reverse what came from the bank or went to it. */
  | { code: 'not_reversible' }
  /** `available`: the amount of the hold. */
  | { code: 'capture_exceeds_hold'; available: Minor; requested: Minor; currency: CurrencyCode }
  /** `available`: what earlier reversals have left of the transfer. */
  | {
      code: 'reversal_exceeds_original'
      available: Minor
      requested: Minor
      currency: CurrencyCode
    }
  /** A frozen account only receives, so only the debit side is refused. */
  | { code: 'account_frozen' }
  | { code: 'account_closed'; side: Side }
  /** The amount is over the limit for one transfer: the bank's or the account's, the smaller one. */
  | { code: 'limit_exceeded'; limit: Minor; requested: Minor; currency: CurrencyCode }
  /** The amount is over what is left of the account's limit for a day. */
  | {
      code: 'daily_limit_exceeded'
      limit: Minor
      available: Minor
      requested: Minor
      currency: CurrencyCode
    }
  | { code: 'insufficient_funds'; available: Minor; requested: Minor; currency: CurrencyCode }
  /** The balance of that side would leave +-(2^53 - 1). */
  | { code: 'balance_out_of_range'; side: Side }
  /** Another of its group, the one at that index, was refused: all are posted, or none. */
  | { code: 'group_failed'; index: number }

export type RefusalCode = Refusal['code']
