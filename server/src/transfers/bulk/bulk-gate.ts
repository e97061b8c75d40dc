/**
 * How much of bulks a server has at one time, and how much of it is of one user, in bulks and in the
 * bytes of their bodies. A body is kept, read and turned into orders, which takes several times its
 * bytes, so the gate is asked before the body is read.
 *
 * - One bulk of full size finds its place when there is nothing else; what a user may have leaves
 *   room for one of somebody else.
 * - Small bodies are not counted: a group of a few transfers weighs as little as single ones, which
 *   the requests in flight and the queue of the ledger bound.
 * - It knows when all of them are over, small ones too. A client that goes away does not stop what
 *   was begun: a stop waits for it.
 */
import type { Uuid } from '../../kernel/ids.ts'

export interface BulkGateLimits {
  bulksMax: number
  bulksOfUserMax: number
  /** Of the bodies of all that are counted. */
  bytesMax: number
  bytesOfUserMax: number
  /** Up to this size a body is not counted. */
  smallBytesMax: number
}

export interface BulkGate {
  /** `bytes`: the size of the body, or what it may be at most. `undefined` when there is no room. */
  enter(userId: Uuid, bytes: number): BulkPlace | undefined
  /** True from `close` on: nothing more of a bulk that is under way is to be begun. */
  isClosed(): boolean
  /** Lets nobody in any more, and resolves when all have left. */
  close(): Promise<void>
}

export interface BulkPlace {
  /** Gives back what the body, now that it is known, does not need of its place. */
  shrink: (bytes: number) => void
  /** The bulk is over. Once counts, however often it is called. */
  leave: () => void
}

interface Load {
  bulks: number
  bytes: number
}

export function createBulkGate(limits: BulkGateLimits): BulkGate {
  const { bulksMax, bulksOfUserMax, bytesMax, bytesOfUserMax, smallBytesMax } = limits
  const all: Load = { bulks: 0, bytes: 0 }
  const ofUsers = new Map<Uuid, Load>()
  /** Those that have not left, whether they are counted or not. */
  let open = 0
  let isClosed = false
  const empty = Promise.withResolvers<void>()

  const loadOf = (bytes: number): Load =>
    bytes <= smallBytesMax ? { bulks: 0, bytes: 0 } : { bulks: 1, bytes }

  function hasRoom(userId: Uuid, { bulks, bytes }: Load): boolean {
    if (bulks === 0) return true
    const ofUser = ofUsers.get(userId) ?? { bulks: 0, bytes: 0 }
    if (all.bulks >= bulksMax || ofUser.bulks >= bulksOfUserMax) return false
    return all.bytes + bytes <= bytesMax && ofUser.bytes + bytes <= bytesOfUserMax
  }

  function change(userId: Uuid, before: Load, after: Load): void {
    const ofUser = ofUsers.get(userId) ?? { bulks: 0, bytes: 0 }
    for (const load of [all, ofUser]) {
      load.bulks += after.bulks - before.bulks
      load.bytes += after.bytes - before.bytes
    }
    if (ofUser.bulks === 0) ofUsers.delete(userId)
    else ofUsers.set(userId, ofUser)
  }

  return {
    enter(userId, bytes) {
      let load = loadOf(bytes)
      if (isClosed || !hasRoom(userId, load)) return undefined
      open += 1
      change(userId, loadOf(0), load)
      let hasLeft = false
      const become = (next: Load) => {
        change(userId, load, next)
        load = next
      }
      return {
        shrink(less) {
          if (!hasLeft && less < load.bytes) become(loadOf(less))
        },
        leave() {
          if (hasLeft) return
          hasLeft = true
          become(loadOf(0))
          open -= 1
          if (isClosed && open === 0) empty.resolve()
        },
      }
    },
    isClosed: () => isClosed,
    close() {
      isClosed = true
      if (open === 0) empty.resolve()
      return empty.promise
    },
  }
}
