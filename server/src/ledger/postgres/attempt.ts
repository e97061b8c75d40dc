/**
 * One attempt at a batch: one tx in two flights.
 *
 *     flight 1   BEGIN with its limits | lock the accounts | read the keys and the time
 *                decide
 *     flight 2   the write set, which raises unless it is whole | COMMIT
 *
 * Posts all of the decision or nothing. Everything the decision depends on is read under the account
 * locks, by a later statement than the one that took them. Bounds: each flight has a client timer,
 * and the session ends itself when it is left idle in the tx, so a server that stops in between holds
 * its locks for seconds at most.
 */
import { assert, Defect, present } from '../../kernel/assert.ts'
import type { DecisionInput, Decision, LedgerRules, PreparedInstruction } from '../core/types.ts'
import type { TransferOutcome } from '../engine.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { AttemptFailure, BatchTelemetry } from '../telemetry.ts'
import type { Connection, FlightAnswer, FlightResult, FlightStatement } from './connection.ts'
import { uuidArray } from './encode.ts'
import { sqlStateOf } from '../../database/errors.ts'
import { failureOf, isAftermath, isRefusedCommit } from './failure.ts'
import { findHeldBack } from './held-back.ts'
import { integer, readLockedAccount, readStoredKey, text, type Row } from './rows.ts'
import { lockAccounts, lockFreeAccounts, readAccountIds, readKeys } from './statements.ts'
import { isEmpty, writeSet } from './write-set.ts'

export type AttemptResult =
  /** With no outcome for an instruction that was held back: nothing was done for it. */
  | { kind: 'committed'; outcomes: readonly (TransferOutcome | undefined)[] }
  /** Nothing was done. */
  | { kind: 'failed'; failure: AttemptFailure; error: unknown }
  /** COMMIT was sent and nobody knows whether it was carried out. */
  | { kind: 'unknown'; error: unknown }

export interface AttemptOptions {
  decide: (input: DecisionInput) => Decision
  rules: LedgerRules
  beginText: string
  /** How long each flight may take before its connection is given up. */
  flightLimitMilliseconds: number
}

export interface AttemptRequest {
  batch: readonly PreparedInstruction[]
  /** Do not wait for accounts that others hold, hold back the instructions that need them. */
  skipLocked: boolean
  telemetry: BatchTelemetry
  /** `outcomes` as in the result: those without one are not in the COMMIT. */
  onCommitSent: (outcomes: readonly (TransferOutcome | undefined)[]) => void
}

/** What was decided, and on which of the instructions. */
interface Decided {
  decision: Decision
  outcomes: readonly (TransferOutcome | undefined)[]
}

/** An answer of a flight that was an error. */
class FlightError extends Error {}

/** Runs a batch once. Never rejects; a connection that is in doubt is destroyed. */
export async function attemptBatch(
  connection: Connection,
  request: AttemptRequest,
  options: AttemptOptions,
): Promise<AttemptResult> {
  const { telemetry } = request
  try {
    const { decision, outcomes } = await lockAndDecide(connection, request, options)
    if (isEmpty(decision)) {
      // Only replays: there is nothing that could be lost, so how the tx ends does not matter.
      const ended = telemetry.statement('rollback')
      await connection.fly(['rollback'], options.flightLimitMilliseconds)
      ended()
      return { kind: 'committed', outcomes }
    }
    const write: FlightStatement = writeSet(decision)
    const ended = telemetry.statement('write')
    const flight = connection.fly([write, 'commit'], options.flightLimitMilliseconds)
    request.onCommitSent(outcomes)
    const result = readCommit(await flight, outcomes)
    ended()
    if (isInDoubt(result)) connection.destroy()
    return result
  } catch (error) {
    const cause = error instanceof FlightError ? error.cause : error
    const failure = failureOf(cause)
    if (failure === 'surroundings') connection.destroy()
    else await rollBack(connection, options)
    return { kind: 'failed', failure, error: cause }
  }
}

async function lockAndDecide(
  connection: Connection,
  { batch, skipLocked, telemetry }: AttemptRequest,
  { decide, rules, beginText, flightLimitMilliseconds }: AttemptOptions,
): Promise<Decided> {
  const accountIds = [uuidArray([...accountIdsOf(batch)])]
  const keyIds = [uuidArray([...new Set(batch.map(({ keyId }) => keyId))])]
  const ended = telemetry.statement('lock')
  const answers = await connection.fly(
    [
      beginText,
      { statement: skipLocked ? lockFreeAccounts : lockAccounts, values: accountIds },
      { statement: readKeys, values: keyIds },
      ...(skipLocked ? [{ statement: readAccountIds, values: accountIds }] : []),
    ],
    flightLimitMilliseconds,
  )
  ended()
  const [, lockedRows, keyRows, existingRows] = resultsOf(answers).map(({ rows }) => rows)
  assert(lockedRows && keyRows, 'a flight has a result for each of its statements')
  const accounts = new Map(lockedRows.map((row) => [text(row, 0), readLockedAccount(row)]))
  const existing = existingRows?.map((row) => text(row, 0)) ?? []
  const heldBack = findHeldBack(batch, existing, accounts)
  const decision = decide({
    accounts,
    keys: readKeyRows(keyRows),
    instructions: batch.filter((_, index) => !heldBack[index]),
    nowMilliseconds: integer(present(keyRows[0], 'the present time'), 0),
    rules,
  })
  const decided = decision.outcomes.values()
  const outcomes = heldBack.map((isHeldBack) => (isHeldBack ? undefined : decided.next().value))
  return { decision, outcomes }
}

function accountIdsOf(batch: readonly PreparedInstruction[]): Set<Uuid> {
  const ids = new Set<Uuid>()
  for (const { debitAccountId, creditAccountId } of batch) {
    if (debitAccountId !== undefined) ids.add(debitAccountId)
    if (creditAccountId !== undefined) ids.add(creditAccountId)
  }
  return ids
}

function readKeyRows(rows: readonly Row[]): DecisionInput['keys'] {
  const stored = rows.filter((row) => row[1] !== null).map(readStoredKey)
  return new Map(stored.map((key) => [key.keyId, key]))
}

/** The results of a flight, or its first failure that is not the consequence of another. */
function resultsOf(answers: readonly FlightAnswer[]): FlightResult[] {
  const failures = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []))
  if (failures.length > 0) {
    const first = failures.find((error) => !isAftermath(error)) ?? failures[0]
    throw new FlightError('a flight failed', { cause: first })
  }
  return answers.flatMap((answer) => ('result' in answer ? [answer.result] : []))
}

function readCommit(
  answers: readonly FlightAnswer[],
  outcomes: Decided['outcomes'],
): AttemptResult {
  const write = present(answers[0], 'the answer to the write set')
  const commit = present(answers[1], 'the answer to COMMIT')
  if ('error' in write) {
    // The database has refused the write set: whatever COMMIT came to, it ended an aborted tx.
    if (sqlStateOf(write.error) !== undefined) return failed(write.error)
    return { kind: 'unknown', error: write.error }
  }
  if ('error' in commit) {
    return isRefusedCommit(commit.error)
      ? failed(commit.error)
      : { kind: 'unknown', error: commit.error }
  }
  // A COMMIT that ends an aborted tx succeeds too; only its tag tells.
  if (commit.result.command !== 'COMMIT') {
    return failed(new Defect(`COMMIT was answered with ${commit.result.command}`))
  }
  return { kind: 'committed', outcomes }
}

function failed(error: unknown): AttemptResult {
  return { kind: 'failed', failure: failureOf(error), error }
}

/** Whether the connection behind an attempt must not be used again. */
function isInDoubt(result: AttemptResult): boolean {
  if (result.kind === 'committed') return false
  return result.kind === 'unknown' || result.failure === 'surroundings'
}

/** Ends the tx of a failed attempt, so that its locks go and the connection can be used again. */
async function rollBack(connection: Connection, options: AttemptOptions): Promise<void> {
  if (!connection.usable) return
  const [answer] = await connection.fly(['rollback'], options.flightLimitMilliseconds)
  assert(answer, 'a flight answers each of its statements')
  if ('error' in answer) connection.destroy()
}
