/**
 * Refusals as they are stored with an idempotency key, to be rendered again at each replay.
 *
 * Stored are those from `hold_not_found` on: a retry can never flip them. The JSON form is our
 * own and not the API's: snake_case members in a fixed order, with a version, so that what was
 * stored years ago can still be read.
 */
import { assert, Defect, unreachable } from '../../kernel/assert.ts'
import type { HoldState } from '../engine.ts'
import type { Refusal, Side } from './refusals.ts'

/** A refusal by what the accounts, holds and transfers are, and not by the key. */
export type LedgerRefusal = Exclude<Refusal, { code: 'idempotency_key_reused' }>

/** A refusal that is kept; `too_many_accounts` is the one of opening an account. */
export type StoredRefusal = LedgerRefusal | { code: 'too_many_accounts'; limit: number }

const storedVersion = 1

/** The members to store, ready for JSON. */
export function encodeRefusal(refusal: StoredRefusal): Record<string, string | number> {
  return { version: storedVersion, code: refusal.code, ...facts(refusal) }
}

function facts(refusal: StoredRefusal): Record<string, string | number> {
  switch (refusal.code) {
    case 'hold_not_found':
    case 'transfer_not_found':
    case 'same_account':
    case 'not_reversible':
    case 'account_frozen':
      return {}
    case 'hold_not_active':
      return { state: refusal.state }
    case 'account_not_found':
    case 'own_account':
    case 'account_closed':
    case 'balance_out_of_range':
      return { side: refusal.side }
    case 'currency_mismatch':
      return {
        side: refusal.side,
        account_currency: refusal.accountCurrency,
        currency: refusal.currency,
      }
    case 'limit_exceeded':
      return { limit: refusal.limit, requested: refusal.requested, currency: refusal.currency }
    case 'daily_limit_exceeded':
      return {
        limit: refusal.limit,
        available: refusal.available,
        requested: refusal.requested,
        currency: refusal.currency,
      }
    case 'capture_exceeds_hold':
    case 'reversal_exceeds_original':
    case 'insufficient_funds':
      return {
        available: refusal.available,
        requested: refusal.requested,
        currency: refusal.currency,
      }
    case 'group_failed':
      return { index: refusal.index }
    case 'too_many_accounts':
      return { limit: refusal.limit }
    default:
      return unreachable(refusal)
  }
}

/** The refusal that {@link encodeRefusal} stored; a defect for anything else. */
export function decodeRefusal(stored: unknown): StoredRefusal {
  assert(typeof stored === 'object' && stored !== null, 'a stored refusal is an object')
  const read = createReader(new Map(Object.entries(stored)))
  assert(read.number('version') === storedVersion, 'a stored refusal has a version we know')
  const code = read.text('code')
  switch (code) {
    case 'hold_not_found':
    case 'transfer_not_found':
    case 'same_account':
    case 'not_reversible':
    case 'account_frozen':
      return { code }
    case 'hold_not_active':
      return { code, state: read.state() }
    case 'account_not_found':
    case 'own_account':
    case 'account_closed':
    case 'balance_out_of_range':
      return { code, side: read.side() }
    case 'currency_mismatch':
      return {
        code,
        side: read.side(),
        accountCurrency: read.text('account_currency'),
        currency: read.text('currency'),
      }
    case 'limit_exceeded':
      return {
        code,
        limit: read.number('limit'),
        requested: read.number('requested'),
        currency: read.text('currency'),
      }
    case 'daily_limit_exceeded':
      return {
        code,
        limit: read.number('limit'),
        available: read.number('available'),
        requested: read.number('requested'),
        currency: read.text('currency'),
      }
    case 'capture_exceeds_hold':
    case 'reversal_exceeds_original':
    case 'insufficient_funds':
      return {
        code,
        available: read.number('available'),
        requested: read.number('requested'),
        currency: read.text('currency'),
      }
    case 'group_failed':
      return { code, index: read.number('index') }
    case 'too_many_accounts':
      return { code, limit: read.number('limit') }
    default:
      // That no code is missing above is shown by a test that enumerates them.
      throw new Defect(`a stored refusal has the unknown code ${code}`)
  }
}

function createReader(members: ReadonlyMap<string, unknown>) {
  function text(name: string): string {
    const value = members.get(name)
    assert(typeof value === 'string', `a stored refusal has the text ${name}`)
    return value
  }
  function number(name: string): number {
    const value = members.get(name)
    assert(typeof value === 'number', `a stored refusal has the number ${name}`)
    return value
  }
  function side(): Side {
    const value = text('side')
    assert(value === 'debit' || value === 'credit', 'a stored refusal has a side')
    return value
  }
  function state(): Exclude<HoldState, 'active'> {
    const value = text('state')
    const isState = value === 'captured' || value === 'released' || value === 'expired'
    assert(isState, 'a stored refusal has the state of a hold that is over')
    return value
  }
  return { text, number, side, state }
}
