/**
 * How many bulks are open at one time, in the server and of one user: each may hold megabytes, from
 * the first byte of its body to the last of its answer, so it is asked before the body is read.
 *
 * It also knows when all of them are over. A client that goes away does not stop its bulk: what was
 * begun goes on, and a stop waits for it.
 */
import type { Uuid } from '../../kernel/ids.ts'

export interface BulkGateLimits {
  bulksMax: number
  bulksOfUserMax: number
}

export interface BulkGate {
  /** What to call when the bulk is over, once; `undefined` when there are too many. */
  enter(userId: Uuid): (() => void) | undefined
  /** True from `close` on: nothing more of a bulk that is under way is to be begun. */
  isClosed(): boolean
  /** Lets nobody in any more, and resolves when all have left. */
  close(): Promise<void>
}

export const bulkGateLimits: BulkGateLimits = { bulksMax: 16, bulksOfUserMax: 8 }

export function createBulkGate({ bulksMax, bulksOfUserMax } = bulkGateLimits): BulkGate {
  const countOf = new Map<Uuid, number>()
  let count = 0
  let isClosed = false
  const empty = Promise.withResolvers<void>()

  function leave(userId: Uuid): void {
    count -= 1
    const left = (countOf.get(userId) ?? 1) - 1
    if (left === 0) countOf.delete(userId)
    else countOf.set(userId, left)
    if (isClosed && count === 0) empty.resolve()
  }

  return {
    enter(userId) {
      const ofUser = countOf.get(userId) ?? 0
      if (isClosed || count >= bulksMax || ofUser >= bulksOfUserMax) return undefined
      count += 1
      countOf.set(userId, ofUser + 1)
      let hasLeft = false
      return () => {
        if (!hasLeft) leave(userId)
        hasLeft = true
      }
    },
    isClosed: () => isClosed,
    close() {
      isClosed = true
      if (count === 0) empty.resolve()
      return empty.promise
    },
  }
}
