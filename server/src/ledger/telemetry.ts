/**
 * What an engine tells of its work, for metrics and traces. The ledger knows no metrics library:
 * the composition root hands in an implementation, and the default tells nobody.
 */

/** Why an attempt at a batch came to nothing. */
export type AttemptFailure =
  /** Another server was in the way (deadlock, lock timeout, a key that was just taken). */
  | 'contention'
  /** The database or the way to it. */
  | 'surroundings'
  /** One of the instructions: the batch is halved until it stands alone. */
  | 'content'

/** One batch, from its formation until all of its instructions are answered. */
export interface BatchTelemetry {
  /** A statement was sent: call what it returns when its result is there. */
  statement(name: string): () => void
  failed(failure: AttemptFailure, error: unknown): void
  /** COMMIT was sent and its answer is missing. */
  unknown(): void
  finished(): void
}

export interface LedgerTelemetry {
  /** How many instructions wait; called at every change of it that a batch or a full queue makes. */
  queued(count: number): void
  /** An instruction was turned away or given up with nothing done. */
  overloaded(reason: 'queue_full' | 'deadline_passed'): void
  /** `waitedMilliseconds`: how long the instruction that waited longest was in the queue. */
  batch(instructions: number, waitedMilliseconds: number): BatchTelemetry
}

const noStatement = (): void => {}
const silentBatch: BatchTelemetry = {
  statement: () => noStatement,
  failed() {},
  unknown() {},
  finished() {},
}

export const silentTelemetry: LedgerTelemetry = {
  queued() {},
  overloaded() {},
  batch: () => silentBatch,
}
