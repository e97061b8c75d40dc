/**
 * Rules about holds: money that is reserved on an account and is captured, released or expired, once.
 *
 * What is held counts as spent until it is given back. A hold is protected by the lock on its debit
 * account: who decides on it has read it under that lock. It is overdue from the very millisecond
 * in which it expires, whether or not anybody has written that down yet.
 */
import { assert } from '../../kernel/assert.ts'
import { isAmount } from '../../kernel/money.ts'
import type {
  CaptureInstruction,
  Hold,
  HoldInstruction,
  HoldState,
  ReleaseInstruction,
} from '../engine.ts'
import { withHeld, withoutHeld } from './account.ts'
import type { Draft } from './draft.ts'
import { wordsOf } from './fields.ts'
import { countingTime, withGivenBack, withSpent } from './limits.ts'
import { refused, type Ruling, type Terms } from './ruling.ts'
import type { LedgerRefusal } from './stored-refusal.ts'
import {
  findSides,
  post,
  refuseBalances,
  refuseSides,
  refuseSpending,
  refuseStatus,
} from './transfer.ts'
import type { LockedAccount, Overdue, PreparedInstruction } from './types.ts'

/** Places a hold. The receiver's balance is looked at when it is captured. */
export function decideHold(
  draft: Draft,
  prepared: PreparedInstruction,
  instruction: HoldInstruction,
  { nowMilliseconds, rules }: Terms,
): Ruling {
  const { principalId, amount, currency, expiresInSeconds } = instruction
  assert(isAmount(amount), 'an amount was checked at the edge')
  assert(Number.isSafeInteger(expiresInSeconds) && expiresInSeconds >= 1, 'a hold lasts a while')
  assert(instruction.authority === 'owner', 'only the owner has money held')
  const found = findSides(draft, prepared, instruction)
  if ('refusal' in found) return refused(found.refusal)
  const { debit, credit } = found.sides
  const placedAt = countingTime(debit, nowMilliseconds)
  const refusal =
    refuseSides(instruction, found.sides) ??
    refuseStatus(found.sides) ??
    refuseSpending(instruction, debit, { nowMilliseconds: placedAt, rules })
  if (refusal) return refused(refusal)
  const expiresAtMilliseconds = placedAt + expiresInSeconds * 1000
  const hold: Hold = {
    id: prepared.newId,
    principalId,
    debitAccountId: debit.id,
    creditAccountId: credit.id,
    amount,
    captured: 0,
    currency,
    state: 'active',
    expiresAt: new Date(expiresAtMilliseconds),
    createdAt: new Date(placedAt),
  }
  const spent = withSpent(debit, amount, placedAt, rules)
  draft.changeAccount(withHeld(spent, amount, expiresAtMilliseconds))
  draft.changeHold({ hold, isNew: true, resolvedAtMilliseconds: null, transferId: null })
  return { kind: 'held', hold }
}

/** Moves the amount of a hold, or less, and gives back the rest. */
export function decideCapture(
  draft: Draft,
  prepared: PreparedInstruction,
  instruction: CaptureInstruction,
  terms: Terms,
): Ruling {
  const { nowMilliseconds } = terms
  const found = findActiveHold(draft, prepared, instruction, terms)
  if ('refusal' in found) return refused(found.refusal)
  const { hold, debit } = found
  const { currency } = hold
  const amount = instruction.amount ?? hold.amount
  assert(isAmount(amount), 'an amount was checked at the edge')
  if (amount > hold.amount) {
    const facts = { available: hold.amount, requested: amount, currency }
    return refused({ code: 'capture_exceeds_hold', ...facts })
  }
  const credit = draft.account(hold.creditAccountId)
  assert(credit, 'the accounts of a hold are locked with it')
  const givenBack = withGivenBack(debit, hold, hold.amount - amount, terms)
  const sides = { debit: withoutHeld(givenBack, hold.amount), credit }
  const refusal = refuseStatus(sides) ?? refuseBalances(sides, amount)
  if (refusal) return refused(refusal)
  const { principalId } = instruction
  const words = wordsOf(instruction)
  const movement = {
    kind: 'capture',
    principalId,
    amount,
    currency,
    holdId: hold.id,
    ...words,
  } as const
  // Not before the hold either, where the clock has stepped back: who sums a day up finds what was
  // held in it and is captured by the entries since.
  const notBefore = Math.max(nowMilliseconds, hold.createdAt.getTime())
  const ruling = post(draft, prepared.newId, movement, sides, notBefore)
  draft.changeHold({
    hold: { ...hold, state: 'captured', captured: amount },
    isNew: false,
    resolvedAtMilliseconds: nowMilliseconds,
    transferId: ruling.transfer.id,
  })
  return ruling
}

/** Gives back what is held, also on an account that may not pay. */
export function decideRelease(
  draft: Draft,
  prepared: PreparedInstruction,
  instruction: ReleaseInstruction,
  terms: Terms,
): Ruling {
  const found = findActiveHold(draft, prepared, instruction, terms)
  if ('refusal' in found) return refused(found.refusal)
  return { kind: 'held', hold: giveBack(draft, found.hold, 'released', terms) }
}

/** Expires what was found overdue on an account, before anything is decided. */
export function expireOverdue(
  draft: Draft,
  accountId: string,
  { holds, nextExpiryMilliseconds }: Overdue,
  terms: Terms,
): void {
  for (const hold of holds) {
    assert(hold.debitAccountId === accountId, 'what is overdue is expired under its own lock')
    assert(isOverdue(hold, terms.nowMilliseconds), 'no hold expires early')
    giveBack(draft, hold, 'expired', terms)
  }
  const account = draft.account(accountId)
  assert(account, 'what is overdue is on a locked account')
  draft.changeAccount({
    ...account,
    holdExpiresAtMilliseconds: account.held === 0 ? Infinity : nextExpiryMilliseconds,
  })
}

/** The hold while it is active, and its debit account, which must be the caller's. */
function findActiveHold(
  draft: Draft,
  prepared: PreparedInstruction,
  { holdId, principalId }: CaptureInstruction | ReleaseInstruction,
  terms: Terms,
): { hold: Hold; debit: LockedAccount } | { refusal: LedgerRefusal } {
  const debit = draft.account(prepared.debitAccountId)
  const hold = draft.hold(holdId)
  // A hold that came to be after its accounts were looked up was not locked, and is not there yet.
  if (hold === undefined || debit === undefined || debit.ownerId !== principalId) {
    return { refusal: { code: 'hold_not_found' } }
  }
  assert(hold.debitAccountId === debit.id, 'a hold is decided on under its own lock')
  // An account that has very many overdue ones is rid of them over several batches.
  const isOver = hold.state === 'active' && isOverdue(hold, terms.nowMilliseconds)
  const present = isOver ? giveBack(draft, hold, 'expired', terms) : hold
  if (present.state !== 'active') {
    return { refusal: { code: 'hold_not_active', state: present.state } }
  }
  return { hold, debit }
}

function isOverdue({ expiresAt }: Hold, nowMilliseconds: number): boolean {
  return nowMilliseconds >= expiresAt.getTime()
}

/** Ends an active hold with nothing moved. */
function giveBack(
  draft: Draft,
  hold: Hold,
  state: Extract<HoldState, 'released' | 'expired'>,
  terms: Terms,
): Hold {
  assert(hold.state === 'active', 'a hold is resolved once')
  const account = draft.account(hold.debitAccountId)
  assert(account, 'the debit account of a hold is locked')
  const givenBack = withGivenBack(account, hold, hold.amount, terms)
  draft.changeAccount(withoutHeld(givenBack, hold.amount))
  const resolved = { ...hold, state }
  const change = { hold: resolved, isNew: false, resolvedAtMilliseconds: terms.nowMilliseconds }
  draft.changeHold({ ...change, transferId: null })
  return resolved
}
