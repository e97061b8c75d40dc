/**
 * Rules about idempotency keys: a key that has an outcome gives that outcome again to the same
 * instruction and is refused to any other, and nothing is stored for either.
 */
import { assert } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { IdempotencyKey, TransferOutcome } from '../engine.ts'
import { differingFields, fieldsFormat, wordsOf } from './fields.ts'
import type { InstructionField } from './refusals.ts'
import type { PreparedInstruction, StoredKey } from './types.ts'

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
export function replay(stored: StoredKey, prepared: PreparedInstruction): TransferOutcome {
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
  assert(outcome.kind !== 'opened', 'the opening of an account differs from a transfer by its kind')
  if (outcome.kind === 'refused') {
    const { refusal } = outcome
    assert(refusal.code !== 'too_many_accounts', 'a transfer is never refused like an opening')
    return { kind: 'refused', refusal, replayed: true, requestId }
  }
  assert(outcome.transfer.amount === instruction.amount, 'equal fields name the same amount')
  // Equal fields mean equal words, so the instruction has those that were posted.
  const transfer = { ...outcome.transfer, ...wordsOf(instruction) }
  return { kind: 'posted', transfer, replayed: true, requestId }
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
