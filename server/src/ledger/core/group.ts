/**
 * Rules about groups: all of their instructions are done, or none, as if they were one.
 *
 * Each is decided on what those before it leave behind, in a fork of the draft; the first refusal
 * drops the fork, and with it all that the group has come to. What is kept then is one refusal per
 * key: its own for the one that was refused, `group_failed` for all others.
 *
 * A group has all of its keys or none. It is told from a group of another size, and from a single
 * instruction, by the fields that its keys stand for.
 */
import { assert } from '../../kernel/assert.ts'
import type { Outcome, TransferInstruction, TransferOutcome } from '../engine.ts'
import { decideOne, record } from './decide-one.ts'
import type { Draft } from './draft.ts'
import { fieldsThatDiffer, replay } from './key.ts'
import type { Refusal } from './refusals.ts'
import { refused, type Terms } from './ruling.ts'
import type { PreparedGroup, PreparedInstruction } from './types.ts'

/** How many instructions a group has at most. */
export const groupSizeMax = 100

/** Throws a `Defect` for what is no group: whoever makes one owes these. */
export function assertGroup(instructions: readonly TransferInstruction[]): void {
  const { length } = instructions
  assert(length >= 1 && length <= groupSizeMax, 'a group has 1 to 100 instructions')
  const [first] = instructions
  for (const [index, { principalId, idempotencyKey }] of instructions.entries()) {
    assert(principalId === first?.principalId, 'a group has one principal')
    assert(idempotencyKey.key === first.idempotencyKey.key, 'a group has one key')
    assert(idempotencyKey.index === index, 'the indexes of a group are 0, 1, 2 and so on')
  }
}

/** One outcome for each of the group, in its order. */
export function decideGroup(
  draft: Draft,
  members: readonly PreparedInstruction[],
  group: PreparedGroup,
  terms: Terms,
): readonly Outcome[] {
  const isWhole = members.length === group.size && members.every((each) => each.group === group)
  assert(isWhole, 'a group comes whole')
  return answerByKeys(draft, members) ?? decideMembers(draft, members, terms)
}

/** The outcomes of a group of which a key has one already. */
function answerByKeys(
  draft: Draft,
  members: readonly PreparedInstruction[],
): readonly Outcome[] | undefined {
  const stored = members.map(({ keyId }) => draft.key(keyId))
  if (stored.every((key) => key === undefined)) return undefined
  const reused = stored.findIndex((key, index) => {
    const prepared = members[index]
    return (
      key && prepared && fieldsThatDiffer(key, prepared.instruction, prepared.fields).length > 0
    )
  })
  if (reused < 0) {
    assert(
      stored.every((key) => key !== undefined),
      'a group of this size has all of its keys or none',
    )
  }
  return members.map((prepared, index): Outcome => {
    const key = stored[index]
    if (key && (reused < 0 || index === reused)) return replay(key, prepared)
    const { requestId } = prepared.instruction
    // It was never refused under its own key, so nothing of this is kept.
    return { ...refused({ code: 'group_failed', index: reused }), replayed: false, requestId }
  })
}

function decideMembers(
  draft: Draft,
  members: readonly PreparedInstruction[],
  terms: Terms,
): readonly Outcome[] {
  const fork = draft.fork()
  const outcomes: TransferOutcome[] = []
  for (const [guilty, prepared] of members.entries()) {
    const outcome = decideOne(fork, prepared, terms)
    assert(outcome.kind !== 'held', 'a group has transfers only')
    if (outcome.kind === 'refused') return refuseAll(draft, members, guilty, outcome.refusal, terms)
    outcomes.push(outcome)
  }
  draft.merge(fork)
  return outcomes
}

/** Keeps a refusal under each key: what the guilty one was refused for, and that it was refused. */
function refuseAll(
  draft: Draft,
  members: readonly PreparedInstruction[],
  guilty: number,
  refusal: Refusal,
  terms: Terms,
): readonly Outcome[] {
  assert(refusal.code !== 'idempotency_key_reused', 'no key of the group had an outcome')
  return members.map((prepared, index) => {
    const own = index === guilty ? refusal : ({ code: 'group_failed', index: guilty } as const)
    return record(draft, prepared, refused(own), terms)
  })
}
