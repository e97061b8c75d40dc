/**
 * Brings a batch to its end: every instruction of it is answered exactly once.
 *
 * - Contention: the batch runs again with jitter, a few times; then its instructions fault and
 *   nothing was done. After a lock timeout it no longer waits for locks: it posts what it can, and
 *   only the instructions that need a held account wait, until their deadline, for it to be let go.
 * - Surroundings: the instructions fault at once and nothing was done.
 * - COMMIT sent and no answer: the batch runs again on a new connection until the deadline of each
 *   instruction. Its keys then show whether it was posted, so it is posted once. The old session may
 *   hold the locks for a while; waiting for them is waiting for its end.
 * - Content: the batch is halved, in order, until the guilty instruction stands alone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { assert, Defect } from '../../kernel/assert.ts'
import { Fault } from '../../kernel/fault.ts'
import type { BatchTelemetry, LedgerTelemetry } from '../telemetry.ts'
import type { AttemptRequest, AttemptResult } from './attempt.ts'
import { deadlinePassed, failureOf, isLockTimeout } from './failure.ts'
import { weightOf, type Order, type OrderOutcome, type PreparedOrder } from './order.ts'
import type { Outcome } from '../engine.ts'
import type { Prepare } from './prepare.ts'
import type { QueueItem } from './queue.ts'

/** An order in the engine, from its arrival until it is answered. */
export interface Item extends QueueItem, Order {
  arrivedAt: number
  /** A COMMIT that held it was sent and is not accounted for. */
  unknown: boolean
  answered: boolean
  resolve: (outcome: OrderOutcome) => void
  reject: (error: Error) => void
}

export interface BatchOptions {
  telemetry: LedgerTelemetry
  contentionTriesMax: number
  prepare: Prepare
  attempt: (request: AttemptRequest) => Promise<AttemptResult>
}

/** `onHeldBack` is told what is left when only the instructions that wait for a lock are. */
export type RunBatch = (
  items: readonly Item[],
  onHeldBack: (pending: readonly Item[]) => void,
) => Promise<void>

export function createBatchRunner(options: BatchOptions): RunBatch {
  const { prepare, attempt, contentionTriesMax } = options

  async function attemptItems(
    items: readonly Item[],
    skipLocked: boolean,
    telemetry: BatchTelemetry,
    watch: DeadlineWatch,
  ): Promise<AttemptResult> {
    let batch: PreparedOrder[]
    try {
      batch = await prepare(items)
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error), error }
    }
    return attempt({
      batch,
      skipLocked,
      telemetry,
      onCommitSent(outcomes) {
        watch.start(items.filter((item, index) => item.unknown || outcomes[index]))
      },
    })
  }

  /** What is still to be done after a failed attempt, its other items answered. */
  async function settle(
    items: readonly Item[],
    telemetry: BatchTelemetry,
    onHeldBack: (pending: readonly Item[]) => void,
  ): Promise<void> {
    const watch = createDeadlineWatch()
    let pending = items
    let skipLocked = false
    try {
      for (let tries = 1; ; tries += 1) {
        pending = dropLate(pending, options.telemetry)
        if (pending.length === 0) return
        const result = await attemptItems(pending, skipLocked, telemetry, watch)
        if (result.kind !== 'unknown') watch.start(pending.filter(({ unknown }) => unknown))
        if (result.kind === 'committed') {
          pending = answer(pending, result.outcomes)
          if (pending.length > 0) onHeldBack(pending)
        } else if (result.kind === 'unknown') {
          telemetry.unknown()
          for (const item of watch.items()) item.unknown = true
        } else {
          telemetry.failed(result.failure, result.error)
          if (result.failure === 'content') return await halve(pending, result.error, telemetry)
          skipLocked ||= isLockTimeout(result.error)
          const isLast = result.failure === 'surroundings' || tries >= contentionTriesMax
          if (isLast) pending = faultKnown(pending, result)
        }
        // A little longer each time: a database that starts again needs its time.
        if (pending.length > 0) await sleep(Math.min(tries * 20, 250) * (0.5 + Math.random()))
      }
    } finally {
      watch.stop()
    }
  }

  async function halve(
    items: readonly Item[],
    error: unknown,
    telemetry: BatchTelemetry,
  ): Promise<void> {
    const [first] = items
    if (first && items.length === 1) {
      return reject(first, new Defect('the instruction was rolled back', { cause: error }))
    }
    const middle = Math.ceil(items.length / 2)
    // The other half still needs its accounts, so none are given up before the end.
    await settle(items.slice(0, middle), telemetry, () => {})
    await settle(items.slice(middle), telemetry, () => {})
  }

  return async (items, onHeldBack) => {
    const now = performance.now()
    const longestWait = items.reduce((wait, item) => Math.max(wait, now - item.arrivedAt), 0)
    const weight = items.reduce((sum, item) => sum + weightOf(item), 0)
    const telemetry = options.telemetry.batch(weight, longestWait)
    await settle(items, telemetry, onHeldBack)
    telemetry.finished()
  }
}

function reject(item: Item, error: Error): void {
  if (item.answered) return
  item.answered = true
  item.reject(error)
}

/** Answers those that have an outcome and returns the others: they were held back. */
function answer(
  items: readonly Item[],
  outcomes: readonly (OrderOutcome | undefined)[],
): readonly Item[] {
  assert(items.length === outcomes.length, 'a decision has one outcome for each instruction')
  let heldBackCount = 0
  for (const [index, item] of items.entries()) {
    const outcome = outcomes[index]
    if (!outcome) heldBackCount += 1
    if (!outcome || item.answered) continue
    item.answered = true
    item.resolve(item.unknown ? asAnsweredFirst(item, outcome) : outcome)
  }
  return heldBackCount === 0 ? [] : items.filter((_, index) => !outcomes[index])
}

/** What a lost COMMIT has done is found by its key and is new to the one who asked first. */
function asAnsweredFirst({ instruction }: Item, outcome: OrderOutcome): OrderOutcome {
  if (outcome.kind === 'expired' || instruction.kind === 'expiry') return outcome
  if (instruction.kind !== 'group') {
    return outcome.kind === 'group' ? outcome : asNew(outcome, instruction)
  }
  if (outcome.kind !== 'group') return outcome
  const outcomes = outcome.outcomes.map((each, index) => {
    const asked = instruction.instructions[index]
    return asked ? asNew(each, asked) : each
  })
  return { kind: 'group', outcomes }
}

function asNew<Each extends Outcome>(outcome: Each, asked: { requestId: string }): Each {
  return outcome.requestId === asked.requestId ? { ...outcome, replayed: false } : outcome
}

/** Gives up those past their deadline and returns the others. */
function dropLate(items: readonly Item[], telemetry: LedgerTelemetry): readonly Item[] {
  const now = performance.now()
  if (items.every((item) => !item.answered && item.deadline > now)) return items
  for (const item of items) {
    if (item.answered || item.deadline > now) continue
    if (!item.unknown) telemetry.overloaded('deadline_passed')
    reject(item, item.unknown ? outcomeUnknown() : deadlinePassed())
  }
  return items.filter((item) => !item.answered)
}

/** Faults those with which nothing was done, and returns those of which that is not known. */
function faultKnown(
  items: readonly Item[],
  { failure, error }: Extract<AttemptResult, { kind: 'failed' }>,
): readonly Item[] {
  const fault =
    failure === 'surroundings'
      ? new Fault('unavailable', 'the database is not available', { cause: error })
      : new Fault('overloaded', 'other servers were in the way too often', { cause: error })
  for (const item of items) if (!item.unknown) reject(item, fault)
  return items.filter((item) => item.unknown)
}

function outcomeUnknown(): Fault {
  return new Fault('outcome_unknown', 'no answer to COMMIT came before the deadline')
}

/** From the sending of COMMIT on, answers each instruction at its deadline that it is unknown. */
interface DeadlineWatch {
  /** Watches these, and no longer the ones before. */
  start(items: readonly Item[]): void
  items(): readonly Item[]
  stop(): void
}

function createDeadlineWatch(): DeadlineWatch {
  let watched: readonly Item[] = []
  let timer: NodeJS.Timeout | undefined

  function start(items: readonly Item[]): void {
    clearTimeout(timer)
    watched = items
    const now = performance.now()
    let next = Infinity
    for (const item of items) {
      if (item.answered) continue
      if (item.deadline <= now) reject(item, outcomeUnknown())
      else next = Math.min(next, item.deadline)
    }
    // Timers count whole milliseconds and may fire a little early.
    if (next < Infinity) timer = setTimeout(start, Math.ceil(next - now) + 1, items)
  }

  return { start, items: () => watched, stop: () => clearTimeout(timer) }
}
