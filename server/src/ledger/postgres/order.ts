/** What the engine carries out: an instruction, or the wish that an account be rid of overdue holds. */
import { unreachable } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { PreparedInstruction } from '../core/types.ts'
import type { Instruction, Outcome, Party } from '../engine.ts'
import type { NamedAccounts } from './named-accounts.ts'

/** Locks the account: whatever locks it expires what is overdue on it. It has no key and no outcome. */
export interface Expiry {
  kind: 'expiry'
  accountId: Uuid
}

export interface Order {
  instruction: Instruction | Expiry
  /** What an instruction concerns that names a hold or a transfer; `undefined` when that is absent. */
  named: NamedAccounts | undefined
}

export type OrderOutcome = Outcome | { kind: 'expired' }

/** An order as a batch has it. */
export interface PreparedOrder {
  /** All accounts to lock, whether they exist or not. */
  accountIds: readonly Uuid[]
  /** Those of them that are customers': no two batches in flight may share one. */
  customerIds: readonly Uuid[]
  /** `undefined` for an expiry, on which nothing is decided. */
  prepared: PreparedInstruction | undefined
}

/** The accounts that no two batches in flight may share: those of customers, each once. */
export function customerIdsOf({ instruction, named }: Order): readonly Uuid[] {
  switch (instruction.kind) {
    case 'transfer':
    case 'deposit':
    case 'withdrawal':
    case 'hold':
      return ofParties(instruction.debit, instruction.credit)
    case 'capture':
    case 'release':
    case 'reversal':
      return named?.customerIds ?? []
    case 'expiry':
      return [instruction.accountId]
    default:
      return unreachable(instruction)
  }
}

function ofParties(debit: Party, credit: Party): Uuid[] {
  const ids: Uuid[] = []
  if ('accountId' in debit) ids.push(debit.accountId)
  if ('accountId' in credit && credit.accountId !== ids[0]) ids.push(credit.accountId)
  return ids
}
