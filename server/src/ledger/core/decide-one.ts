/**
 * Decides one instruction: a stored outcome for a key that has one, else the first refusal of
 * `refusalOrder` that applies, else what it asks for is done.
 */
import { unreachable } from '../../kernel/assert.ts'
import type { Outcome } from '../engine.ts'
import type { Draft } from './draft.ts'
import { decideCapture, decideHold, decideRelease } from './hold.ts'
import { identityOf, replay } from './key.ts'
import { decideReversal } from './reversal.ts'
import type { Ruling, Terms } from './ruling.ts'
import { staffEventOf } from './staff-event.ts'
import { decideTransfer } from './transfer.ts'
import type { PreparedInstruction } from './types.ts'

/** The outcome of an instruction, which the draft has from then on. */
export function decideOne(draft: Draft, prepared: PreparedInstruction, terms: Terms): Outcome {
  const stored = draft.key(prepared.keyId)
  if (stored !== undefined) return replay(stored, prepared)
  return record(draft, prepared, rule(draft, prepared, terms), terms)
}

function rule(draft: Draft, prepared: PreparedInstruction, terms: Terms): Ruling {
  const { instruction } = prepared
  switch (instruction.kind) {
    case 'transfer':
    case 'deposit':
    case 'withdrawal':
      return decideTransfer(draft, prepared, instruction, terms)
    case 'hold':
      return decideHold(draft, prepared, instruction, terms)
    case 'capture':
      return decideCapture(draft, prepared, instruction, terms)
    case 'release':
      return decideRelease(draft, prepared, instruction, terms)
    case 'reversal':
      return decideReversal(draft, prepared, instruction, terms)
    default:
      return unreachable(instruction)
  }
}

/** Keeps what was ruled with its key, and for the audit trail where staff have asked. */
export function record<Ruled extends Ruling>(
  draft: Draft,
  prepared: PreparedInstruction,
  ruling: Ruled,
  { nowMilliseconds }: Terms,
): Ruled & { replayed: boolean; requestId: string } {
  const identity = identityOf(prepared)
  const key = {
    ...identity,
    transferId: ruling.kind === 'posted' ? ruling.transfer.id : null,
    holdId: ruling.kind === 'held' ? ruling.hold.id : null,
    accountId: null,
    refusal: ruling.kind === 'refused' ? ruling.refusal : null,
    createdAtMilliseconds: nowMilliseconds,
  }
  draft.addKey(key, { ...identity, outcome: ruling })
  const staffEvent = staffEventOf(draft, prepared, ruling)
  if (staffEvent) draft.addStaffEvent(staffEvent)
  return { ...ruling, replayed: false, requestId: identity.requestId }
}
