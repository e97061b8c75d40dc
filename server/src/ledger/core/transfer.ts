/**
 * Rules about one transfer: the first refusal that applies, in the order of `refusalOrder`, or the
 * posted transfer with both accounts after it. Holds, captures and reversals share their parts.
 */
import { assert } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { isAmount, type Minor } from '../../kernel/money.ts'
import type { HoldInstruction, PostedTransfer, TransferInstruction, Words } from '../engine.ts'
import {
  availableBalance,
  balanceAfter,
  canSpend,
  isBalanceInRange,
  isCustomerAccount,
  mayDebit,
  withEntry,
} from './account.ts'
import type { Draft, View } from './draft.ts'
import { wordsOf } from './fields.ts'
import { countingTime, isCounted, limitsLeft, refuseByLimits, withSpent } from './limits.ts'
import { refused, type Ruling, type Terms } from './ruling.ts'
import type { LedgerRefusal } from './stored-refusal.ts'
import type { LockedAccount, PreparedInstruction } from './types.ts'

/** Both accounts of a transfer that nothing forbids so far. */
export interface Sides {
  debit: LockedAccount
  credit: LockedAccount
}

/** Whose account each kind needs on each side; any other is as good as absent. */
const customersOf = {
  transfer: { debit: true, credit: true },
  hold: { debit: true, credit: true },
  deposit: { debit: false, credit: true },
  withdrawal: { debit: true, credit: false },
} as const

/** Posts a transfer between the accounts that it names, unless something refuses it. */
export function decideTransfer(
  draft: Draft,
  prepared: PreparedInstruction,
  instruction: TransferInstruction,
  { nowMilliseconds, rules }: Terms,
): Ruling {
  const { kind, principalId, amount, currency } = instruction
  assert(isAmount(amount), 'an amount was checked at the edge')
  const found = findSides(draft, prepared, instruction)
  if ('refusal' in found) return refused(found.refusal)
  const { sides } = found
  const bookedAt = bookingTime(sides, nowMilliseconds)
  const refusal =
    refuseSides(instruction, sides) ??
    refuseStatus(sides) ??
    refuseSpending(instruction, sides.debit, { nowMilliseconds: bookedAt, rules }) ??
    refuseBalances(sides, amount)
  if (refusal) return refused(refusal)
  const movement: Movement = { kind, principalId, amount, currency, ...wordsOf(instruction) }
  if (prepared.group) movement.groupId = prepared.group.id
  const { debit, credit } = sides
  const spent = isCounted(kind) ? withSpent(debit, amount, bookedAt, rules) : debit
  return post(draft, prepared.newId, movement, { debit: spent, credit }, bookedAt)
}

/** Both accounts, or the side that is absent, is not for this kind, or is not the caller's. */
export function findSides(
  view: View,
  prepared: PreparedInstruction,
  { kind, authority, principalId }: TransferInstruction | HoldInstruction,
): { sides: Sides } | { refusal: LedgerRefusal } {
  const debit = view.account(prepared.debitAccountId)
  if (
    debit === undefined ||
    isCustomerAccount(debit) !== customersOf[kind].debit ||
    !mayDebit(principalId, authority, debit)
  ) {
    return { refusal: { code: 'account_not_found', side: 'debit' } }
  }
  const credit = view.account(prepared.creditAccountId)
  // Only staff move money between a customer and the bank.
  const mustBeCustomer = authority === 'owner' || customersOf[kind].credit
  if (credit === undefined || isCustomerAccount(credit) !== mustBeCustomer) {
    return { refusal: { code: 'account_not_found', side: 'credit' } }
  }
  return { sides: { debit, credit } }
}

/** What is wrong with the two accounts for this instruction, whatever is on them. */
export function refuseSides(
  instruction: TransferInstruction | HoldInstruction,
  { debit, credit }: Sides,
): LedgerRefusal | undefined {
  const { currency } = instruction
  const own = refuseOwn(instruction, { debit, credit })
  if (own) return own
  if (debit.id === credit.id) return { code: 'same_account' }
  if (debit.currency !== currency) {
    const accountCurrency = debit.currency
    return { code: 'currency_mismatch', side: 'debit', accountCurrency, currency }
  }
  if (credit.currency !== currency) {
    const accountCurrency = credit.currency
    return { code: 'currency_mismatch', side: 'credit', accountCurrency, currency }
  }
  return undefined
}

/** Staff never act on accounts of their own. */
export function refuseOwn(
  { authority, principalId }: Pick<TransferInstruction, 'authority' | 'principalId'>,
  { debit, credit }: Sides,
): LedgerRefusal | undefined {
  if (authority !== 'staff') return undefined
  if (debit.ownerId === principalId) return { code: 'own_account', side: 'debit' }
  if (credit.ownerId === principalId) return { code: 'own_account', side: 'credit' }
  return undefined
}

/** A frozen account still receives. */
export function refuseStatus({ debit, credit }: Sides): LedgerRefusal | undefined {
  if (debit.status === 'frozen') return { code: 'account_frozen' }
  if (debit.status === 'closed') return { code: 'account_closed', side: 'debit' }
  if (credit.status === 'closed') return { code: 'account_closed', side: 'credit' }
  return undefined
}

/** Whether the account may spend that much now, by moving it or by having it held. */
export function refuseSpending(
  { kind, amount }: TransferInstruction | HoldInstruction,
  debit: LockedAccount,
  { nowMilliseconds, rules }: Terms,
): LedgerRefusal | undefined {
  const limits = isCounted(kind)
    ? limitsLeft(debit, rules, nowMilliseconds)
    : { transfer: rules.transferAmountMax, dailyRemaining: null }
  return refuseByLimits(debit, amount, limits) ?? refuseFunds(debit, amount)
}

/** Whether the account has that much to spend; the bank's accounts have always. */
export function refuseFunds(debit: LockedAccount, amount: Minor): LedgerRefusal | undefined {
  if (canSpend(debit, amount)) return undefined
  const available = Number(availableBalance(debit))
  assert(available >= 0, 'no account is below its limit')
  return { code: 'insufficient_funds', available, requested: amount, currency: debit.currency }
}

export function refuseBalances({ debit, credit }: Sides, amount: Minor): LedgerRefusal | undefined {
  if (!isBalanceInRange(debit, balanceAfter(debit, 'debit', amount))) {
    return { code: 'balance_out_of_range', side: 'debit' }
  }
  if (!isBalanceInRange(credit, balanceAfter(credit, 'credit', amount))) {
    return { code: 'balance_out_of_range', side: 'credit' }
  }
  return undefined
}

/** What a transfer is to be, the accounts apart. */
export interface Movement extends Words {
  kind: PostedTransfer['kind']
  principalId: Uuid
  amount: Minor
  currency: CurrencyCode
  reversesId?: Uuid
  holdId?: Uuid
  groupId?: Uuid
}

/** When a transfer is booked: never before the last entries of its accounts, or the day it counts in. */
function bookingTime({ debit, credit }: Sides, nowMilliseconds: number): number {
  const last = Math.max(debit.bookedAtMilliseconds, credit.bookedAtMilliseconds)
  return Math.max(countingTime(debit, nowMilliseconds), last)
}

/** Posts what nothing refuses: one entry on each side, never earlier than their last. */
export function post(
  draft: Draft,
  id: Uuid,
  movement: Movement,
  { debit, credit }: Sides,
  nowMilliseconds: number,
): Extract<Ruling, { kind: 'posted' }> {
  const { amount, currency } = movement
  assert(debit.id !== credit.id, 'a transfer has two accounts')
  assert(debit.currency === currency && credit.currency === currency, 'a transfer has one currency')
  const bookedAtMilliseconds = bookingTime({ debit, credit }, nowMilliseconds)
  const debitAfter = withEntry(debit, 'debit', amount, bookedAtMilliseconds)
  const creditAfter = withEntry(credit, 'credit', amount, bookedAtMilliseconds)
  const transfer = {
    id,
    kind: movement.kind,
    principalId: movement.principalId,
    debitAccountId: debit.id,
    creditAccountId: credit.id,
    amount,
    currency,
    description: movement.description,
    reference: movement.reference,
    metadata: movement.metadata,
    debitSeq: debitAfter.version,
    creditSeq: creditAfter.version,
    debitBalanceAfter: debitAfter.ledgerBalance,
    creditBalanceAfter: creditAfter.ledgerBalance,
    reversesId: movement.reversesId ?? null,
    holdId: movement.holdId ?? null,
    groupId: movement.groupId ?? null,
    createdAt: new Date(bookedAtMilliseconds),
  }
  draft.changeAccount(debitAfter)
  draft.changeAccount(creditAfter)
  draft.addTransfer(transfer)
  return { kind: 'posted', transfer }
}
