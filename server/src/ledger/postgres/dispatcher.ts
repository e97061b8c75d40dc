/**
 * Takes instructions in, forms batches and keeps a few of them in flight.
 *
 * A batch leaves at the end of the event-loop turn in which there is both work and a free place: a
 * lone instruction leaves at once, and all that one read of the sockets brought leaves together.
 * Beside a batch in flight the next one leaves when as much has come together as that one has, since
 * what a batch costs is then shared by more: 256 connections post 13 % more transfers a second, in
 * batches of 100 in place of 57. A batch that takes long holds up nobody: after `patienceMilliseconds`
 * the others no longer look at it. Of a crowd each batch takes an equal share, or most would travel
 * together and leave too few to go beside them.
 */
import { Fault } from '../../kernel/fault.ts'
import type { LedgerTelemetry } from '../telemetry.ts'
import type { Item, RunBatch } from './batch.ts'
import { deadlinePassed } from './failure.ts'
import { customerIdsOf, weightOf, type Order, type OrderOutcome } from './order.ts'
import { createQueue, type QueueOptions, type Taken } from './queue.ts'

export interface DispatcherOptions {
  queue: QueueOptions
  batchesInFlight: number
  runBatch: RunBatch
  telemetry: LedgerTelemetry
}

/** `deadline` in milliseconds of `performance.now()`. */
export type Dispatch = (order: Order, deadline: number) => Promise<OrderOutcome>

/** Who takes turns for the expiry of holds. */
const expiryCaller = 'expiry'

/** Under full load a batch takes half of it. */
const patienceMilliseconds = 25

/** Fewer than these are no crowd: their batch would cost more than it gives to the ones beside it. */
const shareMin = 64

/** A batch that has a place among those in flight. */
interface Flight {
  weight: number
  startedAt: number
}

/** Each has a connection now and then; more than these keep their places among the batches in flight. */
const stragglersMax = 8

export function createDispatcher(options: DispatcherOptions): Dispatch {
  const { batchesInFlight, runBatch, telemetry } = options
  const queue = createQueue<Item>(options.queue)
  const inFlight = new Set<Flight>()
  /** The weight of what waits and of what is in flight, at its most of late: 1 % less by each batch. */
  let crowd = 0
  /** Batches of which only held-back instructions are left; they have given up their places. */
  let stragglers = 0
  let isScheduled = false
  let patience: NodeJS.Timeout | undefined
  let expiry: NodeJS.Timeout | undefined
  let expiryAt = Infinity

  function schedule(): void {
    if (isScheduled || !mayStart()) return
    isScheduled = true
    setImmediate(startBatches)
  }

  /** Sees to it that it is asked again, if not by what happens next, then in time. */
  function mayStart(): boolean {
    if (inFlight.size >= batchesInFlight || queue.size === 0) return false
    const now = performance.now()
    for (const { weight, startedAt } of inFlight) {
      const wait = startedAt + patienceMilliseconds - now
      if (queue.size >= weight || wait <= 0) continue
      patience ??= setTimeout(onPatience, wait)
      return false
    }
    return true
  }

  function onPatience(): void {
    patience = undefined
    schedule()
  }

  function startBatches(): void {
    isScheduled = false
    while (mayStart()) {
      const taken = queue.take(nextShare())
      if (taken.items.length === 0) break
      void runAndRelease(taken)
    }
    telemetry.queued(queue.size)
  }

  /** How much the next batch takes at most. */
  function nextShare(): number {
    let present = queue.size
    for (const { weight } of inFlight) present += weight
    crowd = Math.max(present, crowd * 0.99)
    return Math.max(shareMin, Math.ceil(crowd / batchesInFlight))
  }

  async function runAndRelease({ items, release }: Taken<Item>): Promise<void> {
    const weight = items.reduce((sum, item) => sum + item.weight, 0)
    const flight: Flight = { weight, startedAt: performance.now() }
    inFlight.add(flight)
    let isStraggling = false

    /** Only a few instructions are left, and wait for a lock: the others must not wait with them. */
    function onHeldBack(pending: readonly Item[]): void {
      release(new Set(pending.flatMap(({ accountIds }) => accountIds)))
      if (!isStraggling && stragglers < stragglersMax) {
        isStraggling = true
        stragglers += 1
        inFlight.delete(flight)
      }
      schedule()
    }

    try {
      await runBatch(items, onHeldBack)
    } catch (error) {
      // The runner answers every failure itself; this is for its own bugs, so that nobody waits.
      const cause = error instanceof Error ? error : new Error('the batch failed', { cause: error })
      for (const item of items) item.reject(cause)
    }
    if (isStraggling) stragglers -= 1
    inFlight.delete(flight)
    release()
    schedule()
  }

  function watchDeadline(deadline: number): void {
    if (deadline >= expiryAt) return
    clearTimeout(expiry)
    expiryAt = deadline
    expiry = setTimeout(expire, Math.max(1, Math.ceil(deadline - performance.now())))
  }

  function expire(): void {
    for (const item of queue.expire(performance.now())) {
      telemetry.overloaded('deadline_passed')
      item.reject(deadlinePassed())
    }
    expiryAt = Infinity
    watchDeadline(queue.earliestDeadline())
    schedule()
  }

  return (order, deadline) =>
    new Promise((resolve, reject) => {
      const { instruction } = order
      const item: Item = {
        ...order,
        caller: instruction.kind === 'expiry' ? expiryCaller : instruction.principalId,
        accountIds: customerIdsOf(order),
        weight: weightOf(order),
        deadline,
        arrivedAt: performance.now(),
        unknown: false,
        answered: false,
        resolve,
        reject,
      }
      if (!queue.offer(item)) {
        telemetry.overloaded('queue_full')
        return reject(new Fault('overloaded', 'the queue of the ledger is full'))
      }
      watchDeadline(deadline)
      schedule()
    })
}
