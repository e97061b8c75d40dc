/**
 * What the audit trail keeps of an instruction that came on the say-so of staff: one row for each that
 * has an outcome of its own, posted or refused. A replay did nothing, so it leaves no row.
 */
import { assert } from '../../kernel/assert.ts'
import { encodeId, type Uuid } from '../../kernel/ids.ts'
import type { PostingInstruction, TransferOutcome } from '../engine.ts'
import { isCustomerAccount } from './account.ts'
import type { View } from './draft.ts'
import type { Ruling } from './ruling.ts'
import type { PreparedInstruction } from './types.ts'

/** A row of the audit trail to insert with the batch. */
export interface StaffEvent {
  /** The id that the instruction's transfer has, or would have had. */
  id: Uuid
  kind: `${PostingInstruction['kind']}.${TransferOutcome['kind']}`
  actorId: Uuid
  /** The customer's account, whether it exists or not. */
  accountId: Uuid | null
  facts: Readonly<Record<string, string>>
  requestId: string
}

/** The row for a new outcome; none where the owner of the money has asked. */
export function staffEventOf(
  view: View,
  prepared: PreparedInstruction,
  ruling: Ruling,
): StaffEvent | undefined {
  const { newId, instruction } = prepared
  const { authority, kind, principalId, requestId } = instruction
  if (authority !== 'staff') return undefined
  assert(kind !== 'hold' && kind !== 'release', 'staff neither hold nor release')
  assert(ruling.kind !== 'held', 'what moves money is posted or refused')
  const facts =
    ruling.kind === 'posted'
      ? { transfer_id: encodeId('xfer', newId) }
      : { code: ruling.refusal.code }
  return {
    id: newId,
    kind: `${kind}.${ruling.kind}`,
    actorId: principalId,
    accountId: customerOf(view, prepared) ?? null,
    facts,
    requestId,
  }
}

/** What leaves the bank's own account is about the one that receives it. */
function customerOf(view: View, prepared: PreparedInstruction): Uuid | undefined {
  const { debitAccountId, creditAccountId, instruction } = prepared
  if (instruction.kind === 'deposit') return creditAccountId
  const debit = view.account(debitAccountId)
  const isOfBank = debit !== undefined && !isCustomerAccount(debit)
  return instruction.kind === 'reversal' && isOfBank ? creditAccountId : debitAccountId
}
