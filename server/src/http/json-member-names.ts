/**
 * The names of members seen in the objects that are open while JSON is scanned, to find duplicates.
 *
 * Nearly all objects have few members with plain names: those are kept as offsets and a hash in
 * flat arrays, one row of 32 per level, and nothing is allocated. An object with more members, or
 * with an escape in a name (`"\u0061"` is `"a"`), goes over to a set of strings, so that many
 * members cost no quadratic time.
 */

export type NameVerdict = 'new' | 'duplicate_member' | 'proto_member'

export interface MemberNames {
  /** Begins an object at that level. */
  open(depth: number): void
  /** Adds the name whose text is `bytes[start, end)`, without its quotes and with valid escapes. */
  add(bytes: Buffer, depth: number, start: number, end: number): NameVerdict
  /** The name added last at that level. */
  last(bytes: Buffer, depth: number): string | undefined
  /** Lets go of what the sets hold. */
  forget(): void
}

const rowLength = 32

export function createMemberNames(depthMax: number): MemberNames {
  const size = (depthMax + 1) * rowLength
  const starts = new Int32Array(size)
  const ends = new Int32Array(size)
  const hashes = new Int32Array(size)
  const counts = new Int32Array(depthMax + 1)
  const lastStarts = new Int32Array(depthMax + 1)
  const lastEnds = new Int32Array(depthMax + 1)
  const sets: (Set<string> | undefined)[] = Array.from({ length: depthMax + 1 })
  let hasSets = false

  return {
    open(depth) {
      counts[depth] = 0
      lastStarts[depth] = -1
      if (hasSets) sets[depth] = undefined
    },

    add(bytes, depth, start, end) {
      lastStarts[depth] = start
      lastEnds[depth] = end
      let hash = 0
      let isPlain = true
      for (let index = start; index < end; index += 1) {
        const byte = bytes[index] ?? 0
        if (byte === 0x5c) isPlain = false
        hash = (Math.imul(hash, 31) + byte) | 0
      }
      const count = counts[depth] ?? 0
      if (!isPlain || count === rowLength || (hasSets && sets[depth] !== undefined)) {
        return addToSet(bytes, depth, start, end)
      }
      if (end - start === 9 && textOf(bytes, start, end) === '__proto__') return 'proto_member'
      const row = depth * rowLength
      for (let slot = row; slot < row + count; slot += 1) {
        if (hashes[slot] === hash && isSame(bytes, slot, start, end)) return 'duplicate_member'
      }
      starts[row + count] = start
      ends[row + count] = end
      hashes[row + count] = hash
      counts[depth] = count + 1
      return 'new'
    },

    last(bytes, depth) {
      const start = lastStarts[depth] ?? -1
      return start < 0 ? undefined : textOf(bytes, start, lastEnds[depth] ?? start)
    },

    forget() {
      if (hasSets) sets.fill(undefined)
      hasSets = false
    },
  }

  function isSame(bytes: Buffer, slot: number, start: number, end: number): boolean {
    const other = starts[slot] ?? 0
    const otherEnd = ends[slot] ?? 0
    return (
      end - start === otherEnd - other && bytes.compare(bytes, start, end, other, otherEnd) === 0
    )
  }

  function addToSet(bytes: Buffer, depth: number, start: number, end: number): NameVerdict {
    const names = sets[depth] ?? setOfRow(bytes, depth)
    sets[depth] = names
    hasSets = true
    const name = textOf(bytes, start, end)
    if (name === '__proto__') return 'proto_member'
    if (names.has(name)) return 'duplicate_member'
    names.add(name)
    return 'new'
  }

  function setOfRow(bytes: Buffer, depth: number): Set<string> {
    const names = new Set<string>()
    const row = depth * rowLength
    for (let slot = row; slot < row + (counts[depth] ?? 0); slot += 1) {
      names.add(textOf(bytes, starts[slot] ?? 0, ends[slot] ?? 0))
    }
    return names
  }
}

function textOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  if (!text.includes('\\')) return text
  const decoded: unknown = JSON.parse(`"${text}"`)
  return String(decoded)
}
