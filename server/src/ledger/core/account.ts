/**
 * Rules about one account: who may debit it, what it can spend, what a movement makes of it.
 *
 * A customer's account is credit-normal (the bank owes the money), limited by its available balance
 * and held to +-(2^53 - 1). An account of the bank has no owner and no limit but the width of its
 * column.
 */
import { assert } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { isAmount, isCustomerBalance, type Minor } from '../../kernel/money.ts'
import type { AccountState, Authority } from '../engine.ts'
import type { Side } from './refusals.ts'
import type { LockedAccount } from './types.ts'

/** The first balance that `numeric(38, 0)` cannot hold, in either direction. */
const bankBalanceEnd = 10n ** 38n

/** What of an account others than the rules may see. */
export function stateOf({
  bookedAtMilliseconds: _bookedAt,
  holdExpiresAtMilliseconds: _holdExpiresAt,
  spending: _spending,
  ...state
}: LockedAccount): AccountState {
  return state
}

/** An account as it is when it has just been opened. */
export function emptyAccount({
  id,
  ownerId,
  currency,
  normalSide,
}: Pick<AccountState, 'id' | 'ownerId' | 'currency' | 'normalSide'>): LockedAccount {
  return {
    id,
    ownerId,
    currency,
    normalSide,
    status: 'open',
    overdraftLimit: 0,
    transferLimit: null,
    dailyLimit: null,
    ledgerBalance: 0n,
    held: 0,
    version: 0,
    bookedAtMilliseconds: -Infinity,
    holdExpiresAtMilliseconds: Infinity,
    spending: null,
  }
}

export function isCustomerAccount(account: AccountState): boolean {
  return account.ownerId !== null
}

/** Whether the principal's word is enough to take money from the account. */
export function mayDebit(principalId: Uuid, authority: Authority, account: AccountState): boolean {
  return authority === 'staff' || account.ownerId === principalId
}

/** Ledger balance - held + overdraft limit: what a customer's account can spend. */
export function availableBalance(account: AccountState): bigint {
  return account.ledgerBalance - BigInt(account.held) + BigInt(account.overdraftLimit)
}

/** Whether the account can be debited by the amount; accounts of the bank always can. */
export function canSpend(account: AccountState, amount: Minor): boolean {
  return !isCustomerAccount(account) || availableBalance(account) >= BigInt(amount)
}

/** The ledger balance after a movement on that side: up on the normal side, down on the other. */
export function balanceAfter(account: AccountState, side: Side, amount: Minor): bigint {
  const change = BigInt(amount)
  return side === account.normalSide
    ? account.ledgerBalance + change
    : account.ledgerBalance - change
}

/** Whether that account can have that ledger balance. */
export function isBalanceInRange(account: AccountState, balance: bigint): boolean {
  if (isCustomerAccount(account)) {
    // What is available is shown as exactly as what is there, and may be more by the overdraft. What
    // is held is not taken off: it comes back one day, and that cannot be refused.
    const availableMost = balance + BigInt(account.overdraftLimit)
    return isCustomerBalance(balance) && isCustomerBalance(availableMost)
  }
  return balance > -bankBalanceEnd && balance < bankBalanceEnd
}

/** The account after one entry: its balance, one seq further, at that time. */
export function withEntry(
  account: LockedAccount,
  side: Side,
  amount: Minor,
  bookedAtMilliseconds: number,
): LockedAccount {
  assert(bookedAtMilliseconds >= account.bookedAtMilliseconds, 'no booking precedes the last one')
  const ledgerBalance = balanceAfter(account, side, amount)
  assert(isBalanceInRange(account, ledgerBalance), 'a posted balance is in range')
  assert(Number.isSafeInteger(account.version), 'a seq is a safe integer')
  return { ...account, ledgerBalance, version: account.version + 1, bookedAtMilliseconds }
}

/** The account with that much more held, until that moment at most. */
export function withHeld(
  account: LockedAccount,
  amount: Minor,
  expiresAtMilliseconds: number,
): LockedAccount {
  const held = account.held + amount
  assert(isCustomerAccount(account) && isAmount(held), 'only a customer has money to be held')
  const first = Math.min(account.holdExpiresAtMilliseconds, expiresAtMilliseconds)
  return { ...account, held, holdExpiresAtMilliseconds: first }
}

/** The account with that much less held, because a hold was resolved. */
export function withoutHeld(account: LockedAccount, amount: Minor): LockedAccount {
  const held = account.held - amount
  assert(held >= 0, 'what a hold gives back was held')
  // Without a hold nothing expires; with some left, the first moment may be too early and never late.
  const holdExpiresAtMilliseconds = held === 0 ? Infinity : account.holdExpiresAtMilliseconds
  return { ...account, held, holdExpiresAtMilliseconds }
}
