/** Builders for the tests of the core: an account, an instruction, and a batch of them. */
import { createDayStart } from '../../kernel/day-start.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { Hold, Instruction, TransferInstruction } from '../engine.ts'
import { createKeyMaker } from '../idempotency.ts'
import type {
  Decision,
  DecisionInput,
  LockedAccount,
  PreparedInstruction,
  StoredKey,
} from '../core/types.ts'

const keyMaker = createKeyMaker(Buffer.alloc(32, 7))

/** A recognisable id: `uuid(7)` ends in 7. */
export function uuid(number: number): Uuid {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`
}

/** An open account in EUR with 1000 on it, of user 1 unless said otherwise. */
export function lockedAccount(number: number, changes: Partial<LockedAccount> = {}): LockedAccount {
  return {
    id: uuid(number),
    ownerId: uuid(1),
    currency: 'EUR',
    normalSide: 'credit',
    status: 'open',
    overdraftLimit: 0,
    transferLimit: null,
    dailyLimit: null,
    ledgerBalance: 1000n,
    held: 0,
    version: 1,
    bookedAtMilliseconds: 1,
    holdExpiresAtMilliseconds: Infinity,
    spending: null,
    ...changes,
  }
}

/** Moves 100 EUR from account 11 to account 12 on the word of user 1. */
export function instruct(changes: Partial<TransferInstruction> = {}): TransferInstruction {
  return {
    kind: 'transfer',
    principalId: uuid(1),
    authority: 'owner',
    idempotencyKey: { key: 'a key', index: 0 },
    requestId: 'a request',
    debit: { accountId: uuid(11) },
    credit: { accountId: uuid(12) },
    amount: 100,
    currency: 'EUR',
    description: null,
    reference: null,
    metadata: null,
    ...changes,
  }
}

/** What instructions may name: the holds and the originals of a decision. */
export type Named = Pick<DecisionInput, 'holds' | 'originals'>

/** Prepares an instruction whose parties are given by account ids, as an engine does. */
export function prepare(
  instruction: Instruction,
  newId: number,
  named: Named = { holds: new Map(), originals: new Map() },
): PreparedInstruction {
  return {
    ...keyMaker.instruction(instruction),
    newId: uuid(newId),
    ...accountIdsOf(instruction, named),
    instruction,
  }
}

function accountIdsOf(
  instruction: Instruction,
  { holds, originals }: Named,
): Pick<PreparedInstruction, 'debitAccountId' | 'creditAccountId'> {
  switch (instruction.kind) {
    case 'capture':
    case 'release': {
      const hold = holds.get(instruction.holdId)
      const creditAccountId = instruction.kind === 'capture' ? hold?.creditAccountId : undefined
      return { debitAccountId: hold?.debitAccountId, creditAccountId }
    }
    case 'reversal': {
      const original = originals.get(instruction.transferId)?.transfer
      const debitAccountId = original?.creditAccountId
      return { debitAccountId, creditAccountId: original?.debitAccountId }
    }
    default: {
      const { debit, credit } = instruction
      return {
        debitAccountId: 'accountId' in debit ? debit.accountId : undefined,
        creditAccountId: 'accountId' in credit ? credit.accountId : undefined,
      }
    }
  }
}

export function decisionInput(
  accounts: readonly LockedAccount[],
  instructions: readonly Instruction[],
  changes: Partial<DecisionInput> = {},
): DecisionInput {
  const named = { holds: changes.holds ?? new Map(), originals: changes.originals ?? new Map() }
  return {
    accounts: new Map(accounts.map((account) => [account.id, account])),
    keys: new Map(),
    ...named,
    overdue: new Map(),
    instructions: instructions.map((each, index) => prepare(each, 1000 + index, named)),
    nowMilliseconds: 1_000_000,
    rules: { transferAmountMax: MINOR_MAX, dayStart: createDayStart('UTC') },
    ...changes,
  }
}

/** The keys of a decision as a later batch reads them from the database. */
export function storedKeys({ keys, transfers, holds }: Decision): StoredKey[] {
  const byId = new Map(transfers.map((transfer) => [transfer.id, transfer]))
  const holdsById = new Map(holds.map(({ hold }): [Uuid, Hold] => [hold.id, hold]))
  return keys.flatMap((key): StoredKey[] => {
    const { keyId, fields, principalId, index, format, requestId, refusal } = key
    const identity = { keyId, fields, principalId, key: key.key, index, format, requestId }
    if (refusal !== null) return [{ ...identity, outcome: { kind: 'refused', refusal } }]
    const hold = holdsById.get(key.holdId ?? '')
    if (hold) return [{ ...identity, outcome: { kind: 'held', hold } }]
    const transfer = byId.get(key.transferId ?? '')
    return transfer ? [{ ...identity, outcome: { kind: 'posted', transfer } }] : []
  })
}
