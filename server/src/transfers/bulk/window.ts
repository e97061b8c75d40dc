/**
 * Lets in so many at a time. Callers take turns, and so do the feeders of one caller: a feeder waits
 * for one place at a time, and its caller's next turn comes after one of each other that waits. So
 * neither a large bulk nor a thousand small ones of one caller keep out what another sends.
 */
export interface Window {
  /** Resolves when there is a place, `undefined` when there was one at once. */
  enter(): Promise<void> | undefined
  leave(): void
}

export interface SharedWindow {
  /** The window as that caller has it. */
  of(caller: string): Window
}

export function createWindow(size: number): SharedWindow {
  let free = size
  /** Those that wait of each caller, in the order of arrival; the callers in that of their turns. */
  const waiting = new Map<string, (() => void)[]>()

  function takeNext(): (() => void) | undefined {
    const [first] = waiting
    if (!first) return undefined
    const [caller, line] = first
    const next = line.shift()
    waiting.delete(caller)
    if (line.length > 0) waiting.set(caller, line)
    return next
  }

  function wait(caller: string): Promise<void> {
    return new Promise((resolve) => {
      const line = waiting.get(caller)
      if (line) line.push(resolve)
      else waiting.set(caller, [resolve])
    })
  }

  function leave(): void {
    const next = takeNext()
    // The place is handed on, so that nobody comes in between.
    if (next) next()
    else free += 1
  }

  return {
    of: (caller) => ({
      enter() {
        if (free === 0) return wait(caller)
        free -= 1
        return undefined
      },
      leave,
    }),
  }
}
