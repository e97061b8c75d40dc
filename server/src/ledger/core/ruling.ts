/** What a rule decides about one instruction, and the terms on which it does. */
import type { Hold, PostedTransfer } from '../engine.ts'
import type { LedgerRefusal } from './stored-refusal.ts'
import type { LedgerRules } from './types.ts'

export interface Terms {
  nowMilliseconds: number
  rules: LedgerRules
}

/** What is refused has moved and reserved nothing. */
export type Ruling =
  | { kind: 'posted'; transfer: PostedTransfer }
  | { kind: 'held'; hold: Hold }
  | { kind: 'refused'; refusal: LedgerRefusal }

export function refused(refusal: LedgerRefusal): Extract<Ruling, { kind: 'refused' }> {
  return { kind: 'refused', refusal }
}
