/** Builders for the tests of the core: an account, an instruction, and a batch of them. */
import type { Uuid } from '../../kernel/ids.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { TransferInstruction } from '../engine.ts'
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
    ledgerBalance: 1000n,
    held: 0,
    version: 1,
    bookedAtMilliseconds: 1,
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

/** Prepares an instruction whose parties are given by account ids. */
export function prepare(instruction: TransferInstruction, transfer: number): PreparedInstruction {
  const { debit, credit } = instruction
  return {
    ...keyMaker.transfer(instruction),
    transferId: uuid(transfer),
    debitAccountId: 'accountId' in debit ? debit.accountId : undefined,
    creditAccountId: 'accountId' in credit ? credit.accountId : undefined,
    instruction,
  }
}

export function decisionInput(
  accounts: readonly LockedAccount[],
  instructions: readonly TransferInstruction[],
  changes: Partial<DecisionInput> = {},
): DecisionInput {
  return {
    accounts: new Map(accounts.map((account) => [account.id, account])),
    keys: new Map(),
    instructions: instructions.map((instruction, index) => prepare(instruction, 1000 + index)),
    nowMilliseconds: 1_000_000,
    rules: { transferAmountMax: MINOR_MAX },
    ...changes,
  }
}

/** The keys of a decision as a later batch reads them from the database. */
export function storedKeys({ keys, transfers }: Decision): StoredKey[] {
  const byId = new Map(transfers.map((transfer) => [transfer.id, transfer]))
  return keys.flatMap((key): StoredKey[] => {
    const { keyId, fields, principalId, index, format, requestId, refusal } = key
    const identity = { keyId, fields, principalId, key: key.key, index, format, requestId }
    if (refusal !== null) return [{ ...identity, outcome: { kind: 'refused', refusal } }]
    const transfer = byId.get(key.transferId ?? '')
    return transfer ? [{ ...identity, outcome: { kind: 'posted', transfer } }] : []
  })
}
