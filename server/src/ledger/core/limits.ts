/**
 * Rules about limits: how much one transfer may move, and how much may leave an account in a day.
 *
 * Towards the limit of a day counts what leaves by the owner's word: transfers, and holds when they
 * are placed. What a hold gives back (released, expired, or captured in part) comes off again on the
 * same day; on a later one that day is over. Captures count nothing more, and deposits, withdrawals
 * and reversals count nothing at all.
 *
 * The day is that of the booking, in the bank's time zone. Nothing that counts is booked before the
 * day that is counted, so a clock that steps back over midnight neither counts twice nor forgets; and
 * the sum is always that of the transfers and holds since `spending.sinceMilliseconds`, which the
 * auditor holds it against.
 */
import { assert } from '../../kernel/assert.ts'
import type { Minor } from '../../kernel/money.ts'
import type { AccountState, Hold, Instruction } from '../engine.ts'
import type { Terms } from './ruling.ts'
import type { LedgerRefusal } from './stored-refusal.ts'
import type { LedgerRules, LockedAccount, Spending } from './types.ts'

/** What the owner of an account may still move: by one transfer, and today. */
export interface LimitsLeft {
  transfer: Minor
  /** `null`: the account has no daily limit. */
  dailyRemaining: Minor | null
}

/** Whether instructions of that kind are held to the account's own limits. */
export function isCounted(kind: Instruction['kind']): boolean {
  return kind === 'transfer' || kind === 'hold'
}

/** The present moment, or the start of the day that is counted where the clock has stepped back. */
export function countingTime({ spending }: LockedAccount, nowMilliseconds: number): number {
  return spending === null ? nowMilliseconds : Math.max(nowMilliseconds, spending.sinceMilliseconds)
}

export function limitsLeft(
  { transferLimit, dailyLimit, spending }: LockedAccount,
  rules: LedgerRules,
  nowMilliseconds: number,
): LimitsLeft {
  const transfer = Math.min(rules.transferAmountMax, transferLimit ?? rules.transferAmountMax)
  if (dailyLimit === null || spending === null) return { transfer, dailyRemaining: null }
  const left = BigInt(dailyLimit) - onDay(spending, rules, nowMilliseconds).spent
  return { transfer, dailyRemaining: left > 0n ? Number(left) : 0 }
}

/** The first limit that the amount is over. */
export function refuseByLimits(
  { currency, dailyLimit }: AccountState,
  requested: Minor,
  { transfer, dailyRemaining }: LimitsLeft,
): LedgerRefusal | undefined {
  if (requested > transfer) {
    return { code: 'limit_exceeded', limit: transfer, requested, currency }
  }
  if (dailyLimit !== null && dailyRemaining !== null && requested > dailyRemaining) {
    const facts = { limit: dailyLimit, available: dailyRemaining, requested, currency }
    return { code: 'daily_limit_exceeded', ...facts }
  }
  return undefined
}

/** The account with that much counted, at a moment that is not before its day. */
export function withSpent(
  account: LockedAccount,
  amount: Minor,
  atMilliseconds: number,
  rules: LedgerRules,
): LockedAccount {
  if (account.spending === null) return account
  const { sinceMilliseconds, spent } = onDay(account.spending, rules, atMilliseconds)
  return { ...account, spending: { sinceMilliseconds, spent: spent + BigInt(amount) } }
}

/**
 * The account of a hold that is resolved, with what is not captured of it off the count. An earlier
 * day is over then, so that it is never counted anew without what the hold has given back.
 */
export function withGivenBack(
  account: LockedAccount,
  { createdAt }: Hold,
  amount: Minor,
  { nowMilliseconds, rules }: Terms,
): LockedAccount {
  if (account.spending === null) return account
  const present = onDay(account.spending, rules, nowMilliseconds)
  if (createdAt.getTime() < present.sinceMilliseconds) return { ...account, spending: present }
  const spent = present.spent - BigInt(amount)
  assert(spent >= 0n, 'what a hold gives back was counted')
  return { ...account, spending: { ...present, spent } }
}

/** What is counted on the day of that moment, or on a later one. */
function onDay(spending: Spending, { dayStart }: LedgerRules, milliseconds: number): Spending {
  const sinceMilliseconds = dayStart(milliseconds)
  return sinceMilliseconds > spending.sinceMilliseconds
    ? { sinceMilliseconds, spent: 0n }
    : spending
}
