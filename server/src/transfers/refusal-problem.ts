/**
 * From the ledger's refusals to problem documents: one place, total at compile time. The facts keep
 * the ledger's numbers and codes under their names in the API; the English is for people. Nothing
 * here depends on the moment, so that a replayed refusal renders to the same bytes.
 */
import { problem, type HiddenThing, type ProblemError } from '../http/problem.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Minor } from '../kernel/money.ts'
import { unreachable } from '../kernel/assert.ts'
import type { Refusal } from '../ledger/ledger.ts'

type ReusedField = Extract<Refusal, { code: 'idempotency_key_reused' }>['fields'][number]

/** What a request calls the two sides where it does not say `from_account_id` and `to_account_id`. */
export type FieldNames = Readonly<Partial<Record<ReusedField, string>>>

export interface RefusalContext {
  /** The request that was refused first. */
  requestId: string
  fieldNames?: FieldNames
  hidden?: HiddenThing | undefined
}

/** The error to throw for a refusal. */
export function refusalProblem(
  refusal: Refusal,
  { requestId, fieldNames = {}, hidden }: RefusalContext,
): ProblemError {
  const { detail, facts } = describe(refusal, fieldNames)
  return problem(refusal.code, { detail, requestId, hidden, ...(facts && { facts }) })
}

interface Description {
  detail: string
  facts?: Readonly<Record<string, unknown>>
}

function describe(refusal: Refusal, fieldNames: FieldNames): Description {
  switch (refusal.code) {
    case 'idempotency_key_reused': {
      const fields = refusal.fields.map((field) => fieldNames[field] ?? field)
      return {
        detail: `This idempotency key belongs to an earlier request that differs in: ${fields.join(', ')}.`,
        facts: { fields },
      }
    }
    // The same words for what is absent and for what is somebody else's.
    case 'hold_not_found':
      return { detail: 'There is no such hold.' }
    case 'transfer_not_found':
      return { detail: 'There is no such transfer, or it did not pay to an account of yours.' }
    case 'account_not_found':
      return {
        detail: `There is no such account to ${refusal.side}.`,
        facts: { side: refusal.side },
      }
    case 'own_account':
      return {
        detail: `The account to ${refusal.side} is your own.`,
        facts: { side: refusal.side },
      }
    case 'same_account':
      return { detail: 'The account to debit is also the account to credit.' }
    case 'currency_mismatch':
      return {
        detail: `The account to ${refusal.side} is in ${refusal.accountCurrency}, not in ${refusal.currency}.`,
        facts: {
          side: refusal.side,
          account_currency: refusal.accountCurrency,
          currency: refusal.currency,
        },
      }
    case 'hold_not_active':
      return {
        detail: `The hold is ${refusal.state}.`,
        facts: { state: refusal.state },
      }
    case 'not_reversible':
      return { detail: 'This transfer cannot be reversed.' }
    case 'capture_exceeds_hold':
      return {
        detail: `The hold has ${minorUnits(refusal.available, refusal.currency)}, ${minorUnits(refusal.requested, refusal.currency)} was requested.`,
        facts: availableFacts(refusal),
      }
    case 'reversal_exceeds_original':
      return {
        detail: `There are ${minorUnits(refusal.available, refusal.currency)} left of the transfer to reverse, ${minorUnits(refusal.requested, refusal.currency)} was requested.`,
        facts: availableFacts(refusal),
      }
    case 'account_frozen':
      return { detail: 'The account to debit is frozen: it receives, but does not pay.' }
    case 'account_closed':
      return {
        detail: `The account to ${refusal.side} is closed.`,
        facts: { side: refusal.side },
      }
    case 'limit_exceeded':
      return {
        detail: `The limit for one transfer is ${minorUnits(refusal.limit, refusal.currency)}, ${minorUnits(refusal.requested, refusal.currency)} was requested.`,
        facts: {
          limit: refusal.limit,
          requested: refusal.requested,
          currency: refusal.currency,
        },
      }
    case 'daily_limit_exceeded':
      return {
        detail: `Of ${minorUnits(refusal.limit, refusal.currency)} a day ${refusal.available} are left, ${minorUnits(refusal.requested, refusal.currency)} was requested.`,
        facts: { limit: refusal.limit, ...availableFacts(refusal) },
      }
    case 'insufficient_funds':
      return {
        detail: `The account has ${minorUnits(refusal.available, refusal.currency)} available, ${minorUnits(refusal.requested, refusal.currency)} was requested.`,
        facts: availableFacts(refusal),
      }
    case 'balance_out_of_range':
      return {
        detail: `The balance of the account to ${refusal.side} would leave the range of exact integers.`,
        facts: { side: refusal.side },
      }
    case 'group_failed':
      return {
        detail: `All are posted or none, and the one at index ${refusal.index} was refused.`,
        facts: { index: refusal.index },
      }
    default:
      return unreachable(refusal)
  }
}

function availableFacts({
  available,
  requested,
  currency,
}: Extract<Refusal, { available: Minor }>): Readonly<Record<string, unknown>> {
  return { available, requested, currency }
}

/** Never with a decimal point: the reader compares it with the integers of the request. */
function minorUnits(amount: Minor, currency: CurrencyCode): string {
  return `${amount} minor units of ${currency}`
}
