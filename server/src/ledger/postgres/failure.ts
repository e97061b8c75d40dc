/**
 * What a failed attempt means for its batch: the classes of `database/errors.ts`, as a batch sees
 * them.
 */
import { Defect } from '../../kernel/assert.ts'
import { Fault } from '../../kernel/fault.ts'
import { classifyDatabaseError, isUniqueViolation, sqlStateOf } from '../../database/errors.ts'
import type { AttemptFailure } from '../telemetry.ts'
import type { FlightAnswer, FlightResult } from './connection.ts'

/** Violated when another server was first with a key. */
const keyConstraint = 'idempotency_key_pkey'

export function isTakenKey(error: unknown): boolean {
  return isUniqueViolation(error, keyConstraint)
}

/**
 * - `contention`: run it again, nothing is wrong with it.
 * - `surroundings`: nothing that the instructions of the batch could help.
 * - `content`: one of the instructions, by a value, a constraint or an assertion. What the classes
 *   do not know counts as this too: halving finds out, and only the guilty is answered with it.
 */
export function failureOf(error: unknown): AttemptFailure {
  if (error instanceof Defect) return 'content'
  if (isTakenKey(error)) return 'contention'
  const errorClass = classifyDatabaseError(error)
  if (errorClass === 'retry') return 'contention'
  return errorClass === 'unavailable' ? 'surroundings' : 'content'
}

/** True for what follows from an earlier failure of the same tx and says nothing of its own. */
function isAftermath(error: unknown): boolean {
  return sqlStateOf(error) === '25P02'
}

/**
 * True when a COMMIT that was answered with this error has certainly done nothing: the server was
 * well enough to refuse it. Everything else leaves it unknown, a session that was ended included,
 * since it may have been ended while it waited for a standby.
 */
export function isRefusedCommit(error: unknown): boolean {
  return sqlStateOf(error) !== undefined && classifyDatabaseError(error) !== 'unavailable'
}

/** True when somebody else held a lock for longer than this tx would wait. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === '55P03'
}

/** An answer of a flight that was an error, which is its cause. */
export class FlightError extends Error {}

/** The results of a flight, or its first failure that is not the consequence of another. */
export function resultsOf(answers: readonly FlightAnswer[]): FlightResult[] {
  const failures = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []))
  if (failures.length > 0) {
    const first = failures.find((error) => !isAftermath(error)) ?? failures[0]
    throw new FlightError('a flight failed', { cause: first })
  }
  return answers.flatMap((answer) => ('result' in answer ? [answer.result] : []))
}

/** What an instruction is answered with for which there was no time, with nothing done. */
export function deadlinePassed(): Fault {
  return new Fault('overloaded', 'the instruction waited longer than its deadline')
}
