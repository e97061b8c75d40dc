/**
 * The queue in front of the batches: it decides who goes into the next batch.
 *
 * - Items that name the same account leave in order of arrival, and only into one batch at a time:
 *   an account of a batch in flight is closed to all others until `release`. Each account has a
 *   line; an item may leave when it is the first of all its lines and none of them is closed. The
 *   item that arrived first of all is always first in its lines, so nothing can wait in a circle.
 * - Callers take turns: a batch takes at most `callerTurnMax` of one caller before the next caller has
 *   its turn, so that a large bulk gives one chunk per round.
 * - An item has a weight: a group counts for as many as it has instructions and leaves whole.
 * - Bounded in weight. An item past its deadline is given up and never enters a batch.
 *
 * Cost per item: a few map operations; forming a batch never scans what cannot leave.
 */
import { assert } from '../../kernel/assert.ts'

export interface QueueItem {
  /** Whose turn it takes. */
  caller: string
  /** How many instructions it stands for: at least 1, and at most a batch takes. */
  weight: number
  /** The accounts that no two batches in flight may share, each once. */
  accountIds: readonly string[]
  /** In milliseconds of `performance.now()`. */
  deadline: number
}

/** Each in weight. */
export interface QueueOptions {
  queueMax: number
  batchMax: number
  callerTurnMax: number
}

export interface Queue<T extends QueueItem> {
  /** The weight of what waits, what cannot leave yet included. */
  readonly size: number
  /** False when the queue is full: the item was not taken. */
  offer(item: T): boolean
  /** The items of the next batch, none when nothing may leave; their accounts are closed. */
  take(): T[]
  /** Opens accounts that a batch has closed and is done with. */
  release(accountIds: Iterable<string>): void
  /** Removes and returns the items whose deadline has passed. */
  expire(now: number): T[]
  /** The earliest deadline of what waits, or infinity. */
  earliestDeadline(): number
}

interface Waiting<T> {
  item: T
  lines: Line<T>[]
  /** True while it stands in its caller's list of items that may leave. */
  listed: boolean
  gone: boolean
}

interface Line<T> {
  accountId: string
  waiting: Waiting<T>[]
  /** Index of the first in `waiting`; a moving head makes removal cheap. */
  head: number
  closed: boolean
  /** The batch under formation took from it, so that same batch may take more. */
  ours: boolean
}

interface Caller<T> {
  name: string
  /** Items that could leave when they were listed; checked again when they are taken. */
  ready: Waiting<T>[]
  head: number
}

/** A batch under formation. */
interface Forming<T> {
  items: T[]
  weight: number
  /** The lines that it has closed. */
  touched: Line<T>[]
  /** An item did not fit any more. */
  isClosed: boolean
}

export function createQueue<T extends QueueItem>(options: QueueOptions): Queue<T> {
  const { queueMax, batchMax, callerTurnMax } = options
  const lines = new Map<string, Line<T>>()
  const waitingItems = new Set<Waiting<T>>()
  let waitingWeight = 0
  /** Callers with a non-empty list; insertion order is the order of turns. */
  const callers = new Map<string, Caller<T>>()

  function lineOf(accountId: string): Line<T> {
    let line = lines.get(accountId)
    if (!line) {
      line = { accountId, waiting: [], head: 0, closed: false, ours: false }
      lines.set(accountId, line)
    }
    return line
  }

  function first(line: Line<T>): Waiting<T> | undefined {
    while (line.waiting[line.head]?.gone) line.head += 1
    if (line.head > 64 && line.head * 2 > line.waiting.length) {
      line.waiting.splice(0, line.head)
      line.head = 0
    }
    return line.waiting[line.head]
  }

  function mayLeave(waiting: Waiting<T>): boolean {
    return waiting.lines.every((line) => (!line.closed || line.ours) && first(line) === waiting)
  }

  function list(waiting: Waiting<T> | undefined): void {
    if (!waiting || waiting.listed || waiting.gone || !mayLeave(waiting)) return
    const name = waiting.item.caller
    let caller = callers.get(name)
    if (!caller) {
      caller = { name, ready: [], head: 0 }
      callers.set(name, caller)
    }
    caller.ready.push(waiting)
    waiting.listed = true
  }

  function remove(waiting: Waiting<T>): void {
    waiting.gone = true
    waitingItems.delete(waiting)
    waitingWeight -= waiting.item.weight
  }

  /** Takes up to a turn's worth of one caller's items into the batch. */
  function takeTurn(caller: Caller<T>, batch: Forming<T>): void {
    const end = Math.min(batchMax, batch.weight + callerTurnMax)
    while (batch.weight < end) {
      const waiting = caller.ready[caller.head]
      if (!waiting) return
      const { weight } = waiting.item
      const mayGo = !waiting.gone && mayLeave(waiting)
      if (mayGo && batch.weight > 0 && batch.weight + weight > batchMax) {
        batch.isClosed = true
        return
      }
      caller.head += 1
      waiting.listed = false
      if (!mayGo) continue
      remove(waiting)
      batch.items.push(waiting.item)
      batch.weight += weight
      for (const line of waiting.lines) {
        line.head += 1
        if (!line.closed) {
          line.closed = true
          line.ours = true
          batch.touched.push(line)
        }
      }
      for (const line of waiting.lines) list(first(line))
    }
  }

  function take(): T[] {
    const batch: Forming<T> = { items: [], weight: 0, touched: [], isClosed: false }
    while (batch.weight < batchMax && !batch.isClosed) {
      const next = callers.values().next()
      if (next.done) break
      const caller = next.value
      takeTurn(caller, batch)
      const isOut = caller.head === caller.ready.length
      caller.ready.splice(0, caller.head)
      caller.head = 0
      // Whose item did not fit any more has the first turn of the next batch, where it does.
      if (batch.isClosed) break
      // To the end of the turns, or out of them.
      callers.delete(caller.name)
      if (!isOut) callers.set(caller.name, caller)
    }
    for (const line of batch.touched) line.ours = false
    return batch.items
  }

  function offer(item: T): boolean {
    if (waitingWeight + item.weight > queueMax) return false
    const waiting: Waiting<T> = {
      item,
      lines: item.accountIds.map(lineOf),
      listed: false,
      gone: false,
    }
    for (const line of waiting.lines) line.waiting.push(waiting)
    waitingItems.add(waiting)
    waitingWeight += item.weight
    list(waiting)
    return true
  }

  function release(accountIds: Iterable<string>): void {
    for (const accountId of accountIds) {
      const line = lines.get(accountId)
      if (!line?.closed) continue
      line.closed = false
      const next = first(line)
      if (next) list(next)
      else lines.delete(accountId)
    }
  }

  function expire(now: number): T[] {
    const expired = [...waitingItems].filter(({ item }) => item.deadline <= now)
    for (const waiting of expired) remove(waiting)
    for (const waiting of expired) {
      for (const line of waiting.lines) {
        const next = first(line)
        if (next) list(next)
        else if (!line.closed) lines.delete(line.accountId)
      }
    }
    return expired.map(({ item }) => item)
  }

  function earliestDeadline(): number {
    let earliest = Infinity
    for (const { item } of waitingItems) earliest = Math.min(earliest, item.deadline)
    return earliest
  }

  assert(batchMax > 0 && callerTurnMax > 0 && queueMax > 0, 'the bounds of a queue are positive')
  return {
    get size() {
      return waitingWeight
    },
    offer,
    take,
    release,
    expire,
    earliestDeadline,
  }
}
