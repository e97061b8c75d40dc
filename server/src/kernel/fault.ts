/**
 * Faults: failures of the surroundings (database gone, too much work, a stop under way). They are
 * thrown, retried in one place where that is right, and become a 503 at the edge.
 */

/**
 * `overloaded`, `unavailable` and `shutting_down` mean that nothing was done. `outcome_unknown`
 * means that a COMMIT was sent and no answer came in time: the same idempotency key turns it into
 * the one true answer.
 */
export type FaultCode = 'overloaded' | 'unavailable' | 'shutting_down' | 'outcome_unknown'

export class Fault extends Error {
  override name = 'Fault'
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
