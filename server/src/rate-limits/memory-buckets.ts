/**
 * Buckets in memory, for limits that each server keeps for itself. A bucket holds `count` and fills
 * up evenly over its period (GCRA: all that is kept is the moment at which it is full again).
 *
 * Bounds: `bucketsMax`; past it, the ones that were made first are forgotten, which is as if they were full.
 */
import type { Rate } from './policy.ts'

export interface Taking {
  isAllowed: boolean
  remaining: number
  waitMilliseconds: number
  fullMilliseconds: number
}

export interface MemoryBucketsOptions {
  /** Milliseconds on a clock that only grows. */
  now?: () => number
  bucketsMax?: number
}

export interface MemoryBuckets {
  /** Takes one from a bucket, if there is one in it. */
  take(key: string, rate: Rate): Taking
}

export function createMemoryBuckets({
  now = () => performance.now(),
  bucketsMax = 100_000,
}: MemoryBucketsOptions = {}): MemoryBuckets {
  const fullAt = new Map<string, number>()

  function forget(moment: number): void {
    // The ones that are first in the map were made first; most of them are full by now.
    for (const [key, full] of fullAt) {
      if (full > moment && fullAt.size <= bucketsMax * 0.9) return
      fullAt.delete(key)
    }
  }

  return {
    take(key, { count, periodMilliseconds }) {
      const moment = now()
      const step = periodMilliseconds / count
      const known = fullAt.get(key)
      if (known === undefined && fullAt.size >= bucketsMax) forget(moment)
      const before = Math.max(known ?? 0, moment)
      // A step is a fraction: without the tolerance, sums of it would now and then lose a whole one.
      const isAllowed = before + step <= moment + periodMilliseconds + step / 1000
      const after = isAllowed ? before + step : before
      if (isAllowed) fullAt.set(key, after)
      const room = moment + periodMilliseconds - after
      return {
        isAllowed,
        remaining: Math.max(0, Math.floor(room / step + 0.001)),
        waitMilliseconds: Math.max(0, step - room),
        fullMilliseconds: after - moment,
      }
    },
  }
}
