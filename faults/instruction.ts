/** One thing that a client asks of the bank, and what it is to do. */
export type InstructionKind =
  | 'transfer'
  | 'deposit'
  | 'withdrawal'
  | 'hold'
  | 'capture'
  | 'release'
  | 'reversal'

export interface Instruction {
  kind: InstructionKind
  idempotencyKey: string
  path: string
  token: string
  /** JSON, or nothing. */
  body: string
  effect: Effect
  /** The refusals that the rules of money may answer it with. */
  refusals: readonly string[]
}

/** What it does when it is acknowledged, once. */
export interface Effect {
  kind: InstructionKind
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
