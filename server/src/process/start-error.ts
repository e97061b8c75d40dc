/**
 * Failures of a start that are nobody's bug: the message alone tells a person what to do, so they
 * are printed without a stack.
 */
import { ConfigError } from '../config/problems.ts'
import { EmbeddedPostgresError } from '../database/embedded/error.ts'
import { DatabaseSetupError } from '../database/errors.ts'
import { Fault } from '../kernel/fault.ts'

/** Something outside of the program must change before it can start. */
export class StartError extends Error {
  override name = 'StartError'
}

/** From sysexits.h: a supervisor that knows it need not try again. */
export const exitCodeOfConfig = 78

export interface FailureReport {
  text: string
  exitCode: number
}

/** What to print for a failure and how to exit; anything unexpected keeps its stack. */
export function reportFailure(error: unknown): FailureReport {
  if (error instanceof ConfigError) return { text: error.message, exitCode: exitCodeOfConfig }
  const isExpected =
    error instanceof StartError ||
    error instanceof DatabaseSetupError ||
    error instanceof Fault ||
    error instanceof EmbeddedPostgresError
  if (isExpected) return { text: error.message, exitCode: 1 }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `This is a bug: ${text}`, exitCode: 1 }
}
