/** What the engine carries out whole: an instruction, a group, or the expiry of what is overdue. */
import { assert, unreachable } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { PreparedInstruction } from '../core/types.ts'
import type {
  GroupOutcome,
  Instruction,
  Outcome,
  Party,
  TransferInstruction,
  TransferOutcome,
} from '../engine.ts'
import type { NamedAccounts } from './named-accounts.ts'

/** Locks the account: whatever locks it expires what is overdue on it. It has no key and no outcome. */
export interface Expiry {
  kind: 'expiry'
  accountId: Uuid
}

/** Instructions that are carried out all or none. */
export interface Group {
  kind: 'group'
  principalId: Uuid
  instructions: readonly TransferInstruction[]
}

export interface Order {
  instruction: Instruction | Group | Expiry
  /** What an instruction concerns that names a hold or a transfer; `undefined` when that is absent. */
  named: NamedAccounts | undefined
  /** Decide it and leave nothing of it behind. */
  isDryRun: boolean
}

export type OrderOutcome = Outcome | ({ kind: 'group' } & GroupOutcome) | { kind: 'expired' }

/** An order as a batch has it. */
export interface PreparedOrder {
  /** All accounts to lock, whether they exist or not. */
  accountIds: readonly Uuid[]
  /** Those of them that are customers': no two batches in flight may share one. */
  customerIds: readonly Uuid[]
  kind: 'one' | 'group' | 'expiry'
  /** What is decided: one instruction, those of a group, or nothing for an expiry. */
  prepared: readonly PreparedInstruction[]
}

/** The outcome of an order, from those of all that it had decided. */
export function outcomeOf(kind: PreparedOrder['kind'], outcomes: readonly Outcome[]): OrderOutcome {
  switch (kind) {
    case 'one': {
      const [outcome] = outcomes
      assert(outcome, 'each instruction has one outcome')
      return outcome
    }
    case 'group':
      return { kind: 'group', outcomes: outcomes.map(asTransferOutcome) }
    case 'expiry':
      return { kind: 'expired' }
    default:
      return unreachable(kind)
  }
}

function asTransferOutcome(outcome: Outcome): TransferOutcome {
  assert(outcome.kind !== 'held', 'a group has transfers only')
  return outcome
}

/** How much of a batch an order takes up. */
export function weightOf({ instruction }: Order): number {
  return instruction.kind === 'group' ? instruction.instructions.length : 1
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
    case 'group': {
      const parties = instruction.instructions.flatMap((each) => ofParties(each.debit, each.credit))
      return [...new Set(parties)]
    }
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
