/**
 * Rules about reversals: new transfers that move money of an earlier one back, with its sides swapped.
 *
 * All reversals of a transfer together are at most its amount. Their sum is read under the locks of
 * both accounts of the original, which every reversal of it takes. A reversal is final: it is not
 * reversed itself.
 */
import { assert } from '../../kernel/assert.ts'
import { isAmount } from '../../kernel/money.ts'
import type { ReversalInstruction } from '../engine.ts'
import { isCustomerAccount } from './account.ts'
import type { Draft } from './draft.ts'
import { wordsOf } from './fields.ts'
import { refused, type Ruling, type Terms } from './ruling.ts'
import type { LedgerRefusal } from './stored-refusal.ts'
import {
  post,
  refuseBalances,
  refuseFunds,
  refuseOwn,
  refuseStatus,
  type Sides,
} from './transfer.ts'
import type { Original, PreparedInstruction } from './types.ts'

/** Whoever received the money gives it back, or staff do; its payer cannot take it back. */
export function decideReversal(
  draft: Draft,
  prepared: PreparedInstruction,
  instruction: ReversalInstruction,
  { nowMilliseconds }: Terms,
): Ruling {
  const found = findOriginal(draft, prepared, instruction)
  if ('refusal' in found) return refused(found.refusal)
  const { original, sides } = found
  const { transfer } = original
  const left = transfer.amount - original.reversed
  assert(left >= 0, 'no more is reversed than was moved')
  // Who asks for the rest where there is none asks for the whole again.
  const amount = instruction.amount ?? (left || transfer.amount)
  assert(isAmount(amount), 'an amount was checked at the edge')
  const refusal =
    refuseOwn(instruction, sides) ??
    refuseReversal(instruction, original, sides) ??
    refuseAmount(original, left, amount) ??
    refuseStatus(sides) ??
    refuseFunds(sides.debit, amount) ??
    refuseBalances(sides, amount)
  if (refusal) return refused(refusal)
  const { principalId } = instruction
  const { currency, id: reversesId } = transfer
  const movement = { kind: 'reversal', principalId, amount, currency, reversesId } as const
  const words = wordsOf(instruction)
  draft.changeOriginal({ transfer, reversed: original.reversed + amount })
  return post(draft, prepared.newId, { ...movement, ...words }, sides, nowMilliseconds)
}

/** The original, where the caller may know of it, and its accounts as the reversal has them. */
function findOriginal(
  draft: Draft,
  prepared: PreparedInstruction,
  { transferId, authority, principalId }: ReversalInstruction,
): { original: Original; sides: Sides } | { refusal: LedgerRefusal } {
  const original = draft.original(transferId)
  const debit = draft.account(prepared.debitAccountId)
  const credit = draft.account(prepared.creditAccountId)
  if (original === undefined || debit === undefined || credit === undefined) {
    return { refusal: { code: 'transfer_not_found' } }
  }
  const { debitAccountId, creditAccountId } = original.transfer
  const isSwapped = debit.id === creditAccountId && credit.id === debitAccountId
  assert(isSwapped, 'a reversal has the accounts of its original, with sides swapped')
  if (authority === 'owner' && debit.ownerId !== principalId) {
    return { refusal: { code: 'transfer_not_found' } }
  }
  return { original, sides: { debit, credit } }
}

function refuseReversal(
  { authority }: ReversalInstruction,
  { transfer }: Original,
  { debit, credit }: Sides,
): LedgerRefusal | undefined {
  const isAmongCustomers = isCustomerAccount(debit) && isCustomerAccount(credit)
  const isFinal = transfer.kind === 'reversal' || (authority === 'owner' && !isAmongCustomers)
  return isFinal ? { code: 'not_reversible' } : undefined
}

function refuseAmount(
  { transfer: { currency } }: Original,
  available: number,
  requested: number,
): LedgerRefusal | undefined {
  if (requested <= available) return undefined
  return { code: 'reversal_exceeds_original', available, requested, currency }
}
