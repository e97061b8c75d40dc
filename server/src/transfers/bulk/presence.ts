/**
 * Whether anybody besides bulks has had money moved of late. Bulks look at it: alone they take as much
 * of the ledger as they can, and beside others they leave them room.
 */
import type { LedgerEngine } from '../../ledger/ledger.ts'

export interface Presence {
  /** Somebody moves money. */
  note(): void
  isFelt(): boolean
}

/** How long one instruction is felt: who sends one now and then finds room each time. */
const feltMilliseconds = 2000

export function createPresence(): Presence {
  let notedAt = -Infinity
  return {
    note() {
      notedAt = performance.now()
    },
    isFelt: () => performance.now() - notedAt < feltMilliseconds,
  }
}

/** The same ledger, for all that is no bulk. */
export function notePresence(ledger: LedgerEngine, presence: Presence): LedgerEngine {
  return {
    ...ledger,
    post(instruction, options) {
      presence.note()
      return ledger.post(instruction, options)
    },
    hold(instruction, options) {
      presence.note()
      return ledger.hold(instruction, options)
    },
  }
}
