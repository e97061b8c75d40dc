/**
 * Decides a batch of instructions: the one place where it is settled whether money moves.
 *
 * Pure: no I/O, no clock, no randomness, and its input stays as it was. First of all, holds that are
 * overdue expire. Then instructions are decided in order of arrival, each on what the ones before it
 * left behind, so that a batch has the outcomes that its instructions would have one at a time. Each
 * has exactly one outcome: a stored one for a key that has one (a key that comes twice in a batch
 * counts as stored the second time), else the first refusal of `refusalOrder` that applies, else
 * what it asks for is done.
 *
 * Throws a `Defect` when an invariant does not hold; nothing has happened then, and the engine halves
 * the batch until the guilty instruction stands alone.
 */
import { assert, unreachable } from '../../kernel/assert.ts'
import type { Outcome } from '../engine.ts'
import { changesOf, createDraft, type Draft } from './draft.ts'
import { decideCapture, decideHold, decideRelease, expireOverdue } from './hold.ts'
import { identityOf, replay } from './key.ts'
import { decideReversal } from './reversal.ts'
import type { Ruling, Terms } from './ruling.ts'
import { staffEventOf } from './staff-event.ts'
import { decideTransfer } from './transfer.ts'
import type { Decision, DecisionInput, PreparedInstruction } from './types.ts'

export function decide(input: DecisionInput): Decision {
  const { instructions, nowMilliseconds, rules } = input
  assert(Number.isSafeInteger(nowMilliseconds), 'the time is in whole milliseconds')
  const draft = createDraft(input)
  for (const [accountId, overdue] of input.overdue) {
    expireOverdue(draft, accountId, overdue, nowMilliseconds)
  }
  const terms = { nowMilliseconds, rules }
  const outcomes = instructions.map((prepared) => decideOne(draft, prepared, terms))
  assert(outcomes.length === instructions.length, 'each instruction has one outcome')
  const changes = changesOf(draft)
  assert(changes.keys.length >= changes.transfers.length, 'each posted transfer has its key')
  return { outcomes, ...changes }
}

/** The outcome of an instruction, which the draft has from then on. */
export function decideOne(draft: Draft, prepared: PreparedInstruction, terms: Terms): Outcome {
  const stored = draft.key(prepared.keyId)
  if (stored !== undefined) return replay(stored, prepared)
  const ruling = rule(draft, prepared, terms)
  record(draft, prepared, ruling, terms)
  return { ...ruling, replayed: false, requestId: prepared.instruction.requestId }
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

/** Keeps the outcome with its key, and for the audit trail where staff have asked. */
function record(
  draft: Draft,
  prepared: PreparedInstruction,
  ruling: Ruling,
  { nowMilliseconds }: Terms,
): void {
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
}
