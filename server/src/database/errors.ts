/**
 * What a failed statement means, decided by SQLSTATE and never by the words of the message.
 *
 * - `retry`: the database undid the tx for the sake of another one; run it again.
 * - `unavailable`: there is no working database at the other end (any more). Nothing was done,
 *   unless COMMIT or a statement outside a tx had been sent: then the outcome is unknown.
 * - `conflict`: a unique value is taken. What that means, its constraint tells the caller.
 * - `data`: the values of this statement are at fault; the same tx without them may succeed.
 * - `defect`: the statement, the schema, the rights or our code is wrong; trying again is no use.
 */
import { DatabaseError } from 'pg'
import { Fault } from '../kernel/fault.ts'

export type DatabaseErrorClass = 'retry' | 'unavailable' | 'conflict' | 'data' | 'defect'

/** Codes whose class says something else, or too little. */
const classOfCode: Readonly<Record<string, DatabaseErrorClass>> = {
  '40001': 'retry', // serialization_failure
  '40P01': 'retry', // deadlock_detected
  '55P03': 'retry', // lock_not_available: lock_timeout has passed
  '23505': 'conflict', // unique_violation
  '25006': 'unavailable', // read_only_sql_transaction: a standby answers, a failover is under way
  '25P03': 'unavailable', // idle_in_transaction_session_timeout: the session is gone
  '25P04': 'unavailable', // transaction_timeout: the session is gone
  '3D000': 'unavailable', // invalid_catalog_name
}

const classOfCodeClass: Readonly<Record<string, DatabaseErrorClass>> = {
  '08': 'unavailable', // connection exception
  '22': 'data', // data exception
  '23': 'data', // integrity constraint violation
  '28': 'unavailable', // invalid authorization: only ever the answer to a connection attempt
  '53': 'unavailable', // insufficient resources
  '57': 'unavailable', // operator intervention: shutdown, cancel, statement_timeout, starting up
  '58': 'unavailable', // system error
}

/**
 * The five characters the server sent, or `undefined` when the error is not the server's. The class
 * of the error decides, because Node's `EPIPE` would pass for a code by its form.
 */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

/**
 * The class of an error that a call to `pg` ended with. Errors of the driver and of sockets have no
 * SQLSTATE; those of the language are bugs, such as a value that cannot be serialised.
 */
export function classifyDatabaseError(error: unknown): DatabaseErrorClass {
  const code = sqlStateOf(error)
  if (code !== undefined) {
    return classOfCode[code] ?? classOfCodeClass[code.slice(0, 2)] ?? 'defect'
  }
  if (error instanceof Fault) return 'unavailable'
  return isErrorOfTheSurroundings(error) ? 'unavailable' : 'defect'
}

/** Plain errors and Node's system errors (also collected, when a name has many addresses). */
function isErrorOfTheSurroundings(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    Object.getPrototypeOf(error) === Error.prototype ||
    error instanceof AggregateError ||
    ('code' in error && 'syscall' in error)
  )
}

/** True when that unique constraint or index refused a row, so that a store can name the reason. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof DatabaseError && error.code === '23505' && error.constraint === constraint
}

/** The database or its configuration must be put right by a person; the message says how. */
export class DatabaseSetupError extends Error {
  override name = 'DatabaseSetupError'
}
