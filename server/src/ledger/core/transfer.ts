/**
 * Rules about one transfer: the first refusal that applies, in the order of `refusalOrder`, or the
 * posted transfer with both accounts after it.
 */
import { assert } from '../../kernel/assert.ts'
import { isAmount } from '../../kernel/money.ts'
import type { PostedTransfer } from '../engine.ts'
import {
  availableBalance,
  balanceAfter,
  canSpend,
  isBalanceInRange,
  isCustomerAccount,
  mayDebit,
  withEntry,
} from './account.ts'
import { wordsOf } from './fields.ts'
import type { TransferRefusal } from './stored-refusal.ts'
import type { LedgerRules, LockedAccount, PreparedInstruction } from './types.ts'

/** Both accounts of a transfer that nothing forbids so far. */
export interface Sides {
  debit: LockedAccount
  credit: LockedAccount
}

/** Whose account each kind needs on each side; any other is as good as absent. */
const customersOf = {
  transfer: { debit: true, credit: true },
  deposit: { debit: false, credit: true },
  withdrawal: { debit: true, credit: false },
} as const

/** Both accounts, or the side that is absent, is not for this kind, or is not the caller's. */
export function findSides(
  { instruction, ...prepared }: PreparedInstruction,
  find: (id: string | undefined) => LockedAccount | undefined,
): { sides: Sides } | { refusal: TransferRefusal } {
  const { kind, authority, principalId } = instruction
  const debit = find(prepared.debitAccountId)
  if (
    debit === undefined ||
    isCustomerAccount(debit) !== customersOf[kind].debit ||
    !mayDebit(principalId, authority, debit)
  ) {
    return { refusal: { code: 'account_not_found', side: 'debit' } }
  }
  const credit = find(prepared.creditAccountId)
  // Only staff move money between a customer and the bank.
  const mustBeCustomer = authority === 'owner' || customersOf[kind].credit
  if (credit === undefined || isCustomerAccount(credit) !== mustBeCustomer) {
    return { refusal: { code: 'account_not_found', side: 'credit' } }
  }
  return { sides: { debit, credit } }
}

/** The first refusal after `account_not_found` that applies, or `undefined`. */
export function refuseTransfer(
  { instruction }: PreparedInstruction,
  { debit, credit }: Sides,
  rules: LedgerRules,
): TransferRefusal | undefined {
  const { principalId, authority, amount, currency } = instruction
  assert(isAmount(amount), 'an amount was checked at the edge')

  if (authority === 'staff') {
    if (debit.ownerId === principalId) return { code: 'own_account', side: 'debit' }
    if (credit.ownerId === principalId) return { code: 'own_account', side: 'credit' }
  }
  if (debit.id === credit.id) return { code: 'same_account' }
  if (debit.currency !== currency) {
    const accountCurrency = debit.currency
    return { code: 'currency_mismatch', side: 'debit', accountCurrency, currency }
  }
  if (credit.currency !== currency) {
    const accountCurrency = credit.currency
    return { code: 'currency_mismatch', side: 'credit', accountCurrency, currency }
  }
  // A frozen account still receives.
  if (debit.status === 'frozen') return { code: 'account_frozen' }
  if (debit.status === 'closed') return { code: 'account_closed', side: 'debit' }
  if (credit.status === 'closed') return { code: 'account_closed', side: 'credit' }
  if (amount > rules.transferAmountMax) {
    return { code: 'limit_exceeded', limit: rules.transferAmountMax, requested: amount, currency }
  }
  if (!canSpend(debit, amount)) {
    const available = Number(availableBalance(debit))
    assert(available >= 0, 'no account is below its limit')
    return { code: 'insufficient_funds', available, requested: amount, currency }
  }
  if (!isBalanceInRange(debit, balanceAfter(debit, 'debit', amount))) {
    return { code: 'balance_out_of_range', side: 'debit' }
  }
  if (!isBalanceInRange(credit, balanceAfter(credit, 'credit', amount))) {
    return { code: 'balance_out_of_range', side: 'credit' }
  }
  return undefined
}

/** Posts a transfer that nothing refuses: one entry on each side, never earlier than their last. */
export function postTransfer(
  { transferId, instruction }: PreparedInstruction,
  { debit, credit }: Sides,
  nowMilliseconds: number,
): { transfer: PostedTransfer; sides: Sides } {
  const { kind, principalId, amount, currency } = instruction
  assert(debit.id !== credit.id, 'a transfer has two accounts')
  const bookedAtMilliseconds = Math.max(
    nowMilliseconds,
    debit.bookedAtMilliseconds,
    credit.bookedAtMilliseconds,
  )
  const sides = {
    debit: withEntry(debit, 'debit', amount, bookedAtMilliseconds),
    credit: withEntry(credit, 'credit', amount, bookedAtMilliseconds),
  }
  const { description, reference, metadata } = wordsOf(instruction)
  const transfer = {
    id: transferId,
    kind,
    principalId,
    debitAccountId: debit.id,
    creditAccountId: credit.id,
    amount,
    currency,
    description,
    reference,
    metadata,
    debitSeq: sides.debit.version,
    creditSeq: sides.credit.version,
    debitBalanceAfter: sides.debit.ledgerBalance,
    creditBalanceAfter: sides.credit.ledgerBalance,
    createdAt: new Date(bookedAtMilliseconds),
  }
  return { transfer, sides }
}
