/**
 * Decides a batch of instructions: the one place where it is settled whether money moves.
 *
 * Pure: no I/O, no clock, no randomness, and its input stays as it was. Instructions are decided in
 * order of arrival, each on what the ones before it left behind, so that a batch has the outcomes
 * that its instructions would have one at a time. Each has exactly one outcome: a stored one for a
 * key that has one (a key that comes twice in a batch counts as stored the second time), else the
 * first refusal of `refusalOrder` that applies, else it is posted.
 *
 * Throws a `Defect` when an invariant does not hold; nothing has happened then, and the engine halves
 * the batch until the guilty instruction stands alone.
 */
import type { Uuid } from '../../kernel/ids.ts'
import { assert } from '../../kernel/assert.ts'
import type { PostedTransfer, TransferOutcome } from '../engine.ts'
import { identityOf, replay } from './key.ts'
import { type StaffEvent, staffEventOf } from './staff-event.ts'
import type { TransferRefusal } from './stored-refusal.ts'
import { findSides, postTransfer, refuseTransfer, type Sides } from './transfer.ts'
import type {
  Decision,
  DecisionInput,
  LockedAccount,
  NewKey,
  PreparedInstruction,
  StoredKey,
} from './types.ts'

export function decide(input: DecisionInput): Decision {
  const { instructions, nowMilliseconds, rules } = input
  assert(Number.isSafeInteger(nowMilliseconds), 'the time is in whole milliseconds')
  const changed = new Map<Uuid, LockedAccount>()
  const finished = new Map<Uuid, StoredKey>()
  const transfers: PostedTransfer[] = []
  const keys: NewKey[] = []
  const staffEvents: StaffEvent[] = []

  function find(id: Uuid | undefined): LockedAccount | undefined {
    return id === undefined ? undefined : (changed.get(id) ?? input.accounts.get(id))
  }

  function refuse(prepared: PreparedInstruction, refusal: TransferRefusal): TransferOutcome {
    const identity = identityOf(prepared)
    keys.push({
      ...identity,
      transferId: null,
      accountId: null,
      refusal,
      createdAtMilliseconds: nowMilliseconds,
    })
    finished.set(prepared.keyId, { ...identity, outcome: { kind: 'refused', refusal } })
    return { kind: 'refused', refusal, replayed: false, requestId: identity.requestId }
  }

  function post(prepared: PreparedInstruction, before: Sides): TransferOutcome {
    const { transfer, sides } = postTransfer(prepared, before, nowMilliseconds)
    changed.set(sides.debit.id, sides.debit)
    changed.set(sides.credit.id, sides.credit)
    transfers.push(transfer)
    const identity = identityOf(prepared)
    keys.push({
      ...identity,
      transferId: transfer.id,
      accountId: null,
      refusal: null,
      createdAtMilliseconds: nowMilliseconds,
    })
    finished.set(prepared.keyId, { ...identity, outcome: { kind: 'posted', transfer } })
    return { kind: 'posted', transfer, replayed: false, requestId: identity.requestId }
  }

  function decideOne(prepared: PreparedInstruction): TransferOutcome {
    const stored = finished.get(prepared.keyId) ?? input.keys.get(prepared.keyId)
    if (stored !== undefined) return replay(stored, prepared)
    const found = findSides(prepared, find)
    if ('refusal' in found) return refuse(prepared, found.refusal)
    const refusal = refuseTransfer(prepared, found.sides, rules)
    return refusal ? refuse(prepared, refusal) : post(prepared, found.sides)
  }

  function decideAndRecord(prepared: PreparedInstruction): TransferOutcome {
    const keyCount = keys.length
    const outcome = decideOne(prepared)
    // Who adds a key has an outcome of its own; what is answered from a key was recorded with it.
    const staffEvent = keys.length > keyCount ? staffEventOf(prepared, outcome) : undefined
    if (staffEvent) staffEvents.push(staffEvent)
    return outcome
  }

  const outcomes = instructions.map(decideAndRecord)
  assert(outcomes.length === instructions.length, 'each instruction has one outcome')
  assert(keys.length >= transfers.length, 'each posted transfer has its key')
  return { outcomes, transfers, accounts: [...changed.values()], keys, staffEvents }
}
