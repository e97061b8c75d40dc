/**
 * The random source of a run: the same seed makes the same decisions. Lines that run side by side
 * fork a source of their own, so that their interleaving changes none of them.
 */
export interface Random {
  /** From 0 up to, but not including, 1. */
  fraction(): number
  /** An integer from the first to the last, both included. */
  integer(first: number, last: number): number
  /** True so many times of a hundred. */
  percent(chance: number): boolean
  /** One of them; throws when there are none. */
  pick<T>(items: readonly T[]): T
  /** All of them in another order. */
  shuffle<T>(items: readonly T[]): T[]
  /** A source of its own for that name, whatever was drawn before. */
  fork(name: string): Random
}

export function createRandom(seed: number): Random {
  // mulberry32: 32 bits of state are plenty for choosing faults.
  let state = seed >>> 0

  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  const integer = (first: number, last: number) =>
    first + Math.floor(fraction() * (last - first + 1))

  function pick<T>(items: readonly T[]): T {
    const item = items[integer(0, items.length - 1)]
    if (item === undefined) throw new Error('there is nothing to choose from')
    return item
  }

  function shuffle<T>(items: readonly T[]): T[] {
    const rest = [...items]
    return items.map(() => rest.splice(integer(0, rest.length - 1), 1)).flat()
  }

  return {
    fraction,
    integer,
    percent: (chance) => fraction() * 100 < chance,
    pick,
    shuffle,
    fork: (name) => createRandom(hash(`${seed} ${name}`)),
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
