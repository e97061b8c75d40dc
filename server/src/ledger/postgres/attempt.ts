/**
 * One attempt at a batch: one tx in two flights, or in three where something is overdue.
 *
 *     flight 1   BEGIN with its limits | lock the accounts | read what the decision depends on
 *                decide
 *     flight 2   the write set, which raises unless it is whole | COMMIT
 *
 * Posts all of the decision or nothing. Everything the decision depends on is read under the account
 * locks, by a later statement than the one that took them. Bounds: each flight has a client timer,
 * and the session ends itself when it is left idle in the tx, so a server that stops in between holds
 * its locks for seconds at most.
 */
import { assert, Defect, present } from '../../kernel/assert.ts'
import type { DecisionInput, Decision, LedgerRules } from '../core/types.ts'
import type { AttemptFailure, BatchTelemetry } from '../telemetry.ts'
import type { Connection, FlightAnswer, FlightStatement } from './connection.ts'
import { sqlStateOf } from '../../database/errors.ts'
import { failureOf, FlightError, isRefusedCommit } from './failure.ts'
import { findHeldBack } from './held-back.ts'
import { outcomeOf, type OrderOutcome, type PreparedOrder } from './order.ts'
import { lockAndRead } from './read-set.ts'
import { isEmpty, writeSet } from './write-set.ts'

export type AttemptResult =
  /** With no outcome for an instruction that was held back: nothing was done for it. */
  | { kind: 'committed'; outcomes: readonly (OrderOutcome | undefined)[] }
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
  batch: readonly PreparedOrder[]
  /** Do not wait for accounts that others hold, hold back the instructions that need them. */
  skipLocked: boolean
  telemetry: BatchTelemetry
  /** `outcomes` as in the result: those without one are not in the COMMIT. */
  onCommitSent: (outcomes: readonly (OrderOutcome | undefined)[]) => void
}

/** What was decided, and on which of the instructions. */
interface Decided {
  decision: Decision
  outcomes: readonly (OrderOutcome | undefined)[]
}

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
  const ended = telemetry.statement('lock')
  const onOverdue = () => telemetry.statement('overdue')
  const readOptions = { beginText, skipLocked, flightLimitMilliseconds, onOverdue }
  const { existing, ...input } = await lockAndRead(connection, batch, readOptions)
  ended()
  const heldBack = findHeldBack(batch, existing, input.accounts)
  const free = batch.filter((_, index) => !heldBack[index])
  const instructions = free.flatMap(({ prepared }) => prepared)
  const decision = decide({ ...input, instructions, rules })
  let next = 0
  const outcomes = batch.map(({ kind, prepared }, index): OrderOutcome | undefined => {
    if (heldBack[index]) return undefined
    const start = next
    next += prepared.length
    return outcomeOf(kind, decision.outcomes.slice(start, next))
  })
  return { decision, outcomes }
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
