/**
 * The queue in front of the batches: it decides who goes into the next batch.
 *
 * - Items that name the same account leave in order of arrival, and only into one batch at a time:
 *   an account of a batch in flight is closed to all others until its `release`. Each account has a
 *   line; an item may leave when it is the first of all its lines and none of them is closed. The
 *   item that arrived first of all is always first in its lines, so nothing can wait in a circle.
 * - Callers take turns: a batch takes at most `callerTurnMax` of one caller before the next caller has
 *   its turn, so that a large bulk gives one chunk per round.
 * - An item has a weight: a group counts for as many as it has instructions and leaves whole.
 * - Bounded in weight. An item past its deadline is given up and never enters a batch.
 *
 * Cost per item: a few map operations; forming a batch never scans what cannot leave.
 *
 * Lines and callers stay in their maps when they are empty, up to `emptyMax`, and nothing here keeps
 * an item that has left. A map whose entries come and go with each item is built anew every few of
 * them, and V8 links each outgrown table to the next one: whatever hung on the first that grew old
 * outlived the young generation, 6 KiB for each transfer.
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
  /** The next batch, of `share` or one item, and without items when nothing may leave. */
  take(share?: number): Taken<T>
  /** Removes and returns the items whose deadline has passed. */
  expire(now: number): T[]
  /** The earliest deadline of what waits, or infinity. */
  earliestDeadline(): number
}

/** What has left together. Its accounts are closed to all others until it releases them. */
export interface Taken<T> {
  readonly items: readonly T[]
  /** Opens its accounts, but for those that it still needs. */
  release: (stillNeeded?: ReadonlySet<string>) => void
}

interface Waiting<T> {
  /** `undefined` once it has left. */
  item: T | undefined
  lines: readonly Line<T>[]
  /** True while it stands in its caller's list of items that may leave. */
  listed: boolean
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
  /** True while it stands among those that have a turn to come. */
  hasTurn: boolean
}

/** Empty lines and callers that are kept, each: about 200 bytes. */
const emptyMax = 16_384

/** A batch under formation. */
interface Forming<T> {
  items: T[]
  weight: number
  weightMax: number
  /** The lines that it has closed. */
  touched: Line<T>[]
  /** An item did not fit any more. */
  isClosed: boolean
}

export function createQueue<T extends QueueItem>(options: QueueOptions): Queue<T> {
  const { queueMax, batchMax, callerTurnMax } = options
  const lines = new Map<string, Line<T>>()
  const callers = new Map<string, Caller<T>>()
  /** Those with something that may leave, in the order of their turns. */
  const turns: Caller<T>[] = []
  /** In the order of arrival, with some that have left. */
  let arrivals: Waiting<T>[] = []
  let waitingCount = 0
  let waitingWeight = 0
  let lineMax = emptyMax
  let callerMax = emptyMax

  function lineOf(accountId: string): Line<T> {
    let line = lines.get(accountId)
    if (!line) {
      line = { accountId, waiting: [], head: 0, closed: false, ours: false }
      lines.set(accountId, line)
    }
    return line
  }

  function callerOf(name: string): Caller<T> {
    let caller = callers.get(name)
    if (!caller) {
      if (callers.size >= callerMax) callerMax = dropEmpty(callers, ({ hasTurn }) => !hasTurn)
      caller = { name, ready: [], head: 0, hasTurn: false }
      callers.set(name, caller)
    }
    return caller
  }

  function isEmptyLine(line: Line<T>): boolean {
    return !line.closed && first(line) === undefined
  }

  function first(line: Line<T>): Waiting<T> | undefined {
    const { waiting } = line
    while (line.head < waiting.length && waiting[line.head]?.item === undefined) line.head += 1
    if (line.head > 0 && (line.head === waiting.length || line.head > 64)) {
      waiting.splice(0, line.head)
      line.head = 0
    }
    return waiting[line.head]
  }

  function mayLeave(waiting: Waiting<T>): boolean {
    return waiting.lines.every((line) => (!line.closed || line.ours) && first(line) === waiting)
  }

  function list(waiting: Waiting<T> | undefined): void {
    if (!waiting?.item || waiting.listed || !mayLeave(waiting)) return
    const caller = callerOf(waiting.item.caller)
    caller.ready.push(waiting)
    waiting.listed = true
    if (caller.hasTurn) return
    caller.hasTurn = true
    turns.push(caller)
  }

  function remove(waiting: Waiting<T>, item: T): void {
    waiting.item = undefined
    waitingCount -= 1
    waitingWeight -= item.weight
  }

  /** Takes up to a turn's worth of one caller's items into the batch. */
  function takeTurn(caller: Caller<T>, batch: Forming<T>): void {
    const end = Math.min(batch.weightMax, batch.weight + callerTurnMax)
    while (batch.weight < end) {
      const waiting = caller.ready[caller.head]
      if (!waiting) return
      const { item } = waiting
      const leaving = item && mayLeave(waiting) ? item : undefined
      if (leaving && batch.weight > 0 && batch.weight + leaving.weight > batch.weightMax) {
        batch.isClosed = true
        return
      }
      caller.head += 1
      waiting.listed = false
      if (!leaving) continue
      remove(waiting, leaving)
      batch.items.push(leaving)
      batch.weight += leaving.weight
      for (const line of waiting.lines) {
        if (!line.closed) {
          line.closed = true
          line.ours = true
          batch.touched.push(line)
        }
      }
      for (const line of waiting.lines) list(first(line))
    }
  }

  function take(share = batchMax): Taken<T> {
    const weightMax = Math.min(share, batchMax)
    const batch: Forming<T> = { items: [], weight: 0, weightMax, touched: [], isClosed: false }
    while (batch.weight < weightMax && !batch.isClosed) {
      const caller = turns[0]
      if (!caller) break
      takeTurn(caller, batch)
      caller.ready.splice(0, caller.head)
      caller.head = 0
      // Whose item did not fit any more has the first turn of the next batch, where it does.
      if (batch.isClosed) break
      // To the end of the turns, or out of them.
      turns.shift()
      caller.hasTurn = caller.ready.length > 0
      if (caller.hasTurn) turns.push(caller)
    }
    for (const line of batch.touched) line.ours = false
    let closed = batch.touched
    return {
      items: batch.items,
      release(stillNeeded) {
        closed = closed.filter((line) => {
          if (stillNeeded?.has(line.accountId)) return true
          line.closed = false
          list(first(line))
          return false
        })
      },
    }
  }

  function offer(item: T): boolean {
    if (waitingWeight + item.weight > queueMax) return false
    // Before this item has its lines, so that none of them is taken for empty.
    if (lines.size >= lineMax) lineMax = dropEmpty(lines, isEmptyLine)
    const waiting: Waiting<T> = { item, lines: item.accountIds.map(lineOf), listed: false }
    for (const line of waiting.lines) line.waiting.push(waiting)
    if (arrivals.length > 2 * waitingCount + 64) {
      arrivals = arrivals.filter((each) => each.item !== undefined)
    }
    arrivals.push(waiting)
    waitingCount += 1
    waitingWeight += item.weight
    list(waiting)
    return true
  }

  function expire(now: number): T[] {
    const expired: T[] = []
    const touched: Line<T>[] = []
    for (const waiting of arrivals) {
      const { item, lines: its } = waiting
      if (!item || item.deadline > now) continue
      remove(waiting, item)
      expired.push(item)
      touched.push(...its)
    }
    for (const line of touched) list(first(line))
    return expired
  }

  function earliestDeadline(): number {
    let earliest = Infinity
    for (const { item } of arrivals) if (item) earliest = Math.min(earliest, item.deadline)
    return earliest
  }

  assert(batchMax > 0 && callerTurnMax > 0 && queueMax > 0, 'the bounds of a queue are positive')
  return {
    get size() {
      return waitingWeight
    },
    offer,
    take,
    expire,
    earliestDeadline,
  }
}

/** Drops what is empty and returns how large the map may grow until it is asked again. */
function dropEmpty<V>(map: Map<string, V>, isEmpty: (value: V) => boolean): number {
  for (const [name, value] of map) if (isEmpty(value)) map.delete(name)
  return map.size + emptyMax
}
