/**
 * What the audit trail keeps of an instruction that came on the say-so of staff: one row for each that
 * has an outcome of its own, posted or refused. A replay did nothing, so it leaves no row.
 */
import { encodeId, type Uuid } from '../../kernel/ids.ts'
import type { TransferKind, TransferOutcome } from '../engine.ts'
import type { PreparedInstruction } from './types.ts'

/** A row of the audit trail to insert with the batch. */
export interface StaffEvent {
  /** The id that the instruction's transfer has, or would have had. */
  id: Uuid
  kind: `${TransferKind}.${TransferOutcome['kind']}`
  actorId: Uuid
  /** The customer's account, whether it exists or not. */
  accountId: Uuid | null
  facts: Readonly<Record<string, string>>
  requestId: string
}

/** The row for a new outcome; none where the owner of the money has asked. */
export function staffEventOf(
  { transferId, debitAccountId, creditAccountId, instruction }: PreparedInstruction,
  outcome: TransferOutcome,
): StaffEvent | undefined {
  const { authority, kind, principalId, requestId } = instruction
  if (authority !== 'staff') return undefined
  const facts =
    outcome.kind === 'posted'
      ? { transfer_id: encodeId('xfer', transferId) }
      : { code: outcome.refusal.code }
  const accountId = kind === 'deposit' ? creditAccountId : debitAccountId
  return {
    id: transferId,
    kind: `${kind}.${outcome.kind}`,
    actorId: principalId,
    accountId: accountId ?? null,
    facts,
    requestId,
  }
}
