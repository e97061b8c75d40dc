/**
 * Rules about idempotency keys: a key that has an outcome gives that outcome again to the same
 * instruction and is refused to any other, and nothing is stored for either.
 */
import { assert, Defect, unreachable } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Hold, IdempotencyKey, Instruction, Outcome, TransferOutcome } from '../engine.ts'
import { differingFields, fieldsFormat, wordsOf } from './fields.ts'
import type { InstructionField } from './refusals.ts'
import type { PostedFacts, PreparedInstruction, StoredKey } from './types.ts'

/** The fields in which an instruction differs from the one that its key was stored with. */
export function fieldsThatDiffer(
  stored: StoredKey,
  identity: { principalId: Uuid; idempotencyKey: IdempotencyKey },
  fields: string,
): InstructionField[] {
  const isSameKey =
    stored.principalId === identity.principalId &&
    stored.key === identity.idempotencyKey.key &&
    stored.index === identity.idempotencyKey.index
  assert(isSameKey, 'two idempotency keys have the same hash')
  assert(stored.format === fieldsFormat, 'a stored key has a format that can be compared')
  return differingFields(stored.fields, fields)
}

/** The stored outcome for the same instruction; for another one the key is reused. */
export function replay(stored: StoredKey, prepared: PreparedInstruction): Outcome {
  const { instruction } = prepared
  const fields = fieldsThatDiffer(stored, instruction, prepared.fields)
  if (fields.length > 0) {
    return {
      kind: 'refused',
      refusal: { code: 'idempotency_key_reused', fields },
      replayed: false,
      requestId: instruction.requestId,
    }
  }
  const { outcome, requestId } = stored
  switch (outcome.kind) {
    case 'refused': {
      const { refusal } = outcome
      assert(refusal.code !== 'too_many_accounts', 'only an opening is refused like that')
      return { kind: 'refused', refusal, replayed: true, requestId }
    }
    case 'posted':
      return { ...replayPosted(outcome.transfer, instruction), replayed: true, requestId }
    case 'held':
      return {
        kind: 'held',
        hold: holdAsAnswered(outcome.hold, instruction),
        replayed: true,
        requestId,
      }
    case 'opened':
      throw new Defect('the opening of an account differs from all else by its kind')
    default:
      return unreachable(outcome)
  }
}

function replayPosted(
  facts: PostedFacts,
  instruction: Instruction,
): Pick<Extract<TransferOutcome, { kind: 'posted' }>, 'kind' | 'transfer'> {
  const { kind } = instruction
  assert(kind !== 'hold' && kind !== 'release', 'equal fields name the same kind')
  const isSameAmount = instruction.amount === null || facts.amount === instruction.amount
  assert(isSameAmount, 'equal fields name the same amount')
  // Equal fields mean equal words, so the instruction has those that were posted.
  return { kind: 'posted', transfer: { ...facts, ...wordsOf(instruction) } }
}

/** What has become of a hold since it was answered is no part of that answer. */
function holdAsAnswered(hold: Hold, { kind }: Instruction): Hold {
  assert(kind === 'hold' || kind === 'release', 'equal fields name the same kind')
  return { ...hold, state: kind === 'hold' ? 'active' : 'released', captured: 0 }
}

/** What identifies the key of an instruction, as it is stored beside the outcome. */
export function identityOf({
  keyId,
  fields,
  instruction,
}: PreparedInstruction): Omit<StoredKey, 'outcome'> {
  const { principalId, idempotencyKey, requestId } = instruction
  const { key, index } = idempotencyKey
  return { keyId, fields, principalId, key, index, format: fieldsFormat, requestId }
}
