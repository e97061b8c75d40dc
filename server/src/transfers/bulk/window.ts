/**
 * Lets in so many at a time; who finds no place waits, and is let in in the order of arrival. Feeders
 * that share a window wait for one place each, so they take turns.
 */
export interface Window {
  /** Resolves when there is a place, `undefined` when there was one at once. */
  enter(): Promise<void> | undefined
  leave(): void
}

export function createWindow(size: number): Window {
  let free = size
  const waiting: (() => void)[] = []
  return {
    enter() {
      if (free > 0) {
        free -= 1
        return undefined
      }
      return new Promise((resolve) => void waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      // The place is handed on, so that nobody comes in between.
      if (next) next()
      else free += 1
    },
  }
}
