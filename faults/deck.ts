/** Which fault comes next, so that each of them comes equally often, and when it is enough. */
import type { Fault } from './fault.ts'
import type { Random } from './random.ts'

export interface Deck {
  /** `undefined` when there are none left at all. */
  next(): Fault | undefined
  /** It comes no more. */
  remove(fault: Fault): void
}

/** All of them in some order, then all of them in another, without end. */
export function createDeck(faults: readonly Fault[], random: Random): Deck {
  const removed = new Set<Fault>()
  let rest: Fault[] = []
  return {
    next() {
      if (rest.length === 0) rest = random.shuffle(faults.filter((fault) => !removed.has(fault)))
      return rest.shift()
    },
    remove: (fault) => void removed.add(fault),
  }
}

/** So many rounds, or as many as begin within that time. */
export type Length = { rounds: number } | { milliseconds: number }

/** Tells whether the round of that number, from 1, is one too many. */
export function createEnd(length: Length): (number: number) => boolean {
  if ('rounds' in length) return (number) => number > length.rounds
  const end = performance.now() + length.milliseconds
  return () => performance.now() > end
}
