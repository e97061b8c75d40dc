/**
 * What was started, to be stopped in the opposite order: by the same list when a start fails half-way
 * and when a bank closes.
 */
export interface Undo {
  /** To be called when everything that is added later has been undone. */
  add(step: () => Promise<void> | void): void
  /** Runs every step, also after one that fails; throws the first failure. Once. */
  run(): Promise<void>
}

export function createUndo(): Undo {
  const steps: (() => Promise<void> | void)[] = []
  return {
    add: (step) => void steps.push(step),
    async run() {
      const failures: unknown[] = []
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
