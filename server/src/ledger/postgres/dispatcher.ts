/**
 * Takes instructions in, forms batches and keeps a few of them in flight.
 *
 * A batch leaves at the end of the event-loop turn in which there is both work and a free place:
 * there is no timer, a lone instruction leaves at once, and all that one read of the sockets brought
 * leaves together. The only timer gives up what is still queued at its deadline.
 */
import { Fault } from '../../kernel/fault.ts'
import type { LedgerTelemetry } from '../telemetry.ts'
import type { Item, RunBatch } from './batch.ts'
import { deadlinePassed } from './failure.ts'
import { customerIdsOf, weightOf, type Order, type OrderOutcome } from './order.ts'
import { createQueue, type QueueOptions } from './queue.ts'

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

/** Each has a connection now and then; more than these keep their places among the batches in flight. */
const stragglersMax = 8

export function createDispatcher(options: DispatcherOptions): Dispatch {
  const { batchesInFlight, runBatch, telemetry } = options
  const queue = createQueue<Item>(options.queue)
  let inFlight = 0
  /** Batches of which only held-back instructions are left; they have given up their places. */
  let stragglers = 0
  let isScheduled = false
  let expiry: NodeJS.Timeout | undefined
  let expiryAt = Infinity

  function schedule(): void {
    if (isScheduled || inFlight >= batchesInFlight || queue.size === 0) return
    isScheduled = true
    setImmediate(startBatches)
  }

  function startBatches(): void {
    isScheduled = false
    while (inFlight < batchesInFlight) {
      const items = queue.take()
      if (items.length === 0) break
      inFlight += 1
      void runAndRelease(items)
    }
    telemetry.queued(queue.size)
  }

  async function runAndRelease(items: Item[]): Promise<void> {
    const closed = new Set(items.flatMap(({ accountIds }) => accountIds))
    let isStraggling = false

    /** Only a few instructions are left, and wait for a lock: the others must not wait with them. */
    function onHeldBack(pending: readonly Item[]): void {
      const needed = new Set(pending.flatMap(({ accountIds }) => accountIds))
      const free = [...closed].filter((accountId) => !needed.has(accountId))
      for (const accountId of free) closed.delete(accountId)
      queue.release(free)
      if (!isStraggling && stragglers < stragglersMax) {
        isStraggling = true
        stragglers += 1
        inFlight -= 1
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
    else inFlight -= 1
    queue.release(closed)
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
