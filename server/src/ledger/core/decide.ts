/**
 * Decides a batch of instructions: the one place where it is settled whether money moves.
 *
 * Pure: no I/O, no clock, no randomness, and its input stays as it was. First of all, holds that are
 * overdue expire. Then instructions are decided in order of arrival, each on what the ones before it
 * left behind, so that a batch has the outcomes that its instructions would have one at a time. Each
 * has exactly one outcome: a stored one for a key that has one (a key that comes twice in a batch
 * counts as stored the second time), else the first refusal of `refusalOrder` that applies, else
 * what it asks for is done. A group stands in for one instruction: it is done whole, or not at all.
 * Of a dry run the outcome is all that remains.
 *
 * Throws a `Defect` when an invariant does not hold; nothing has happened then, and the engine halves
 * the batch until the guilty instruction stands alone.
 */
import { assert } from '../../kernel/assert.ts'
import type { Outcome } from '../engine.ts'
import { decideOne } from './decide-one.ts'
import { changesOf, createDraft, type Draft } from './draft.ts'
import { decideGroup } from './group.ts'
import { expireOverdue } from './hold.ts'
import { withPreview } from './preview.ts'
import type { Terms } from './ruling.ts'
import type { Decision, DecisionInput, PreparedInstruction } from './types.ts'

export function decide(input: DecisionInput): Decision {
  const { instructions, nowMilliseconds, rules } = input
  assert(Number.isSafeInteger(nowMilliseconds), 'the time is in whole milliseconds')
  const draft = createDraft(input)
  const terms = { nowMilliseconds, rules }
  for (const [accountId, overdue] of input.overdue) {
    expireOverdue(draft, accountId, overdue, terms)
  }
  const outcomes = decideAll(draft, instructions, terms)
  assert(outcomes.length === instructions.length, 'each instruction has one outcome')
  const changes = changesOf(draft)
  assert(changes.keys.length >= changes.transfers.length, 'each posted transfer has its key')
  return { outcomes, ...changes, isExpiryMoved: input.overdue.size > 0 }
}

function decideAll(
  draft: Draft,
  instructions: readonly PreparedInstruction[],
  terms: Terms,
): Outcome[] {
  const outcomes: Outcome[] = []
  for (const [index, prepared] of instructions.entries()) {
    // The others of a group have their outcomes with the first of it.
    if (index < outcomes.length) continue
    const { group, isDryRun = false } = prepared
    if (group === undefined && !isDryRun) {
      outcomes.push(decideOne(draft, prepared, terms))
      continue
    }
    const unit = instructions.slice(index, index + (group?.size ?? 1))
    outcomes.push(...(isDryRun ? tryOut(draft, unit, terms) : decideUnit(draft, unit, terms)))
  }
  return outcomes
}

/** Decides what is done whole or not at all: a group, or one instruction. */
function decideUnit(
  draft: Draft,
  unit: readonly PreparedInstruction[],
  terms: Terms,
): readonly Outcome[] {
  const [first] = unit
  assert(first !== undefined, 'there is something to decide')
  return first.group
    ? decideGroup(draft, unit, first.group, terms)
    : [decideOne(draft, first, terms)]
}

/** Decides in a fork that is dropped, and shows what it would have come to. */
function tryOut(
  draft: Draft,
  unit: readonly PreparedInstruction[],
  terms: Terms,
): readonly Outcome[] {
  const fork = draft.fork()
  for (const { virtualAccounts = [] } of unit) {
    for (const account of virtualAccounts) fork.changeAccount(account)
  }
  const outcomes = decideUnit(fork, unit, terms)
  return unit.map((prepared, place) => withPreview(outcomes[place], prepared, fork, terms))
}
