/** One thing that a client asks of the bank, and what it is to do. */
export type InstructionKind =
  | 'transfer'
  | 'deposit'
  | 'withdrawal'
  | 'hold'
  | 'capture'
  | 'release'
  | 'reversal'
  | 'group'

export interface Instruction {
  kind: InstructionKind
  idempotencyKey: string
  path: string
  token: string
  /** JSON, or nothing. */
  body: string
  /** All or none of it; of a group several, in its order. */
  effects: readonly Effect[]
  /** The refusals that the rules of money may answer it with. */
  refusals: readonly string[]
}

/** What the database has of it when it was done, once. */
export interface Effect {
  kind: Exclude<InstructionKind, 'group'>
  /** Accounts of customers, as the API names them; the bank's own are {@link ofBank}. */
  debit: string
  credit: string
  amount: number
  /** The hold or the transfer that it is about. */
  of: string | undefined
}

export const ofBank = 'the bank'

export interface CustomerAccount {
  id: string
  /** A token of its owner. */
  token: string
}
