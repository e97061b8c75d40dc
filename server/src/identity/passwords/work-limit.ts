/** Runs a few pieces of work at once and lets a bounded number wait, in order of arrival. */
import { Fault } from '../../kernel/fault.ts'

export interface WorkLimitOptions {
  /** How many run at once. */
  concurrency: number
  /** How many may wait; one more is refused with a Fault `overloaded`, before anything is done. */
  queueSizeMax: number
  /** What the work is called in the message of that fault. */
  name: string
}

export function createWorkLimit(
  options: WorkLimitOptions,
): <T>(work: () => Promise<T>) => Promise<T> {
  const { concurrency, queueSizeMax, name } = options
  const waiting: (() => void)[] = []
  let running = 0

  async function takeTurn(): Promise<void> {
    if (running < concurrency) {
      running += 1
      return
    }
    if (waiting.length >= queueSizeMax) throw new Fault('overloaded', `too much ${name} at once`)
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  return async (work) => {
    await takeTurn()
    try {
      return await work()
    } finally {
      // The turn passes to the next one without becoming free in between.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
