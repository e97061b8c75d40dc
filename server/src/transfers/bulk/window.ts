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

/** `size` is asked whenever somebody enters or leaves: nobody is sent out when it has shrunk. */
export function createWindow(size: () => number): SharedWindow {
  let inside = 0
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
    inside -= 1
    while (waiting.size > 0 && inside < size()) {
      // The place is handed on at once, so that nobody comes in between.
      inside += 1
      takeNext()?.()
    }
  }

  return {
    of: (caller) => ({
      enter() {
        if (inside >= size()) return wait(caller)
        inside += 1
        return undefined
      },
      leave,
    }),
  }
}
