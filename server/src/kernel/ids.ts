/**
 * Ids: UUIDv7 (RFC 9562) inside, TypeID text (prefix, underscore, 26 characters of Crockford
 * base32; typeid spec 0.3) at the edge. Time-ordered ids keep the indexes they enter hot.
 */
import { randomFillSync } from 'node:crypto'

/** The kinds of thing that have an id at the edge, by the prefix of that id. */
export const idPrefixes = [
  'user',
  'acct',
  'xfer',
  'hold',
  'group',
  'sess',
  'key',
  'req',
  'tok',
  'event',
] as const
export type IdPrefix = (typeof idPrefixes)[number]

/** A UUID in its canonical text: 36 lower-case characters. */
export type Uuid = string

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const codeOfValue = Uint8Array.from(alphabet, (character) => character.charCodeAt(0))
const valueOfCode = new Int8Array(128).fill(-1)
codeOfValue.forEach((code, value) => {
  valueOfCode[code] = value
})

const codeOfHex = Uint8Array.from('0123456789abcdef', (character) => character.charCodeAt(0))
const valueOfHex = new Int8Array(128).fill(-1)
codeOfHex.forEach((code, value) => {
  valueOfHex[code] = value
})

const hyphen = 0x2d
const underscore = 0x5f

/**
 * Where texts are put together, one at a time. A text that grows by the character is a chain of its
 * pieces: half as fast to make, and 1 KB for the garbage collector.
 */
const scratch = Buffer.alloc(64)

const randomPool = Buffer.alloc(4096)
let randomPoolUsed = randomPool.length

/** Where in the pool so many random bytes begin that nobody had before. */
function takeRandom(length: number): number {
  if (randomPoolUsed + length > randomPool.length) {
    randomFillSync(randomPool)
    randomPoolUsed = 0
  }
  randomPoolUsed += length
  return randomPoolUsed - length
}

/** Writes a byte as two hex digits of a UUID at `at`; returns where the next ones go. */
function putHex(byte: number, at: number): number {
  let next = at
  if (next === 8 || next === 13 || next === 18 || next === 23) scratch[next++] = hyphen
  scratch[next++] = codeOfHex[byte >> 4] ?? 0
  scratch[next++] = codeOfHex[byte & 15] ?? 0
  return next
}

/**
 * Makes a source of UUIDv7s. Each id of one source is greater than the one before, also within a
 * millisecond and when the clock steps back: the 12 bits after the time count on from a random
 * start and carry into the time (RFC 9562, section 6.2, methods 1 and 4).
 */
export function createUuidSource(now: () => number = Date.now): () => Uuid {
  let milliseconds = 0
  let counter = 0
  return () => {
    const random = takeRandom(10)
    const present = now()
    if (present > milliseconds) {
      milliseconds = present
      counter = randomPool.readUInt16BE(random + 8) & 0x7ff
    } else if (++counter > 0xfff) {
      milliseconds += 1
      counter = 0
    }
    let at = 0
    for (let unit = 2 ** 40; unit >= 1; unit /= 256) {
      at = putHex(Math.floor(milliseconds / unit) % 256, at)
    }
    at = putHex(0x70 | (counter >> 8), at)
    at = putHex(counter & 0xff, at)
    at = putHex(0x80 | ((randomPool[random] ?? 0) & 0x3f), at)
    for (let index = 1; index < 8; index += 1) at = putHex(randomPool[random + index] ?? 0, at)
    return scratch.toString('latin1', 0, at)
  }
}

/** The TypeID text of a UUID. */
export function encodeId(prefix: IdPrefix, uuid: Uuid): string {
  let at = prefix.length
  for (let index = 0; index < at; index += 1) scratch[index] = prefix.charCodeAt(index)
  scratch[at++] = underscore
  // 128 bits in 26 characters of 5 bits: two zero bits in front, then groups of five from the left.
  let bits = 0
  let bitCount = 2
  for (let index = 0; index < uuid.length; index += 1) {
    const value = valueOfHex[uuid.charCodeAt(index)] ?? -1
    // A hyphen.
    if (value < 0) continue
    bits = (bits << 4) | value
    bitCount += 4
    if (bitCount >= 5) {
      bitCount -= 5
      scratch[at++] = codeOfValue[bits >> bitCount] ?? 0
      bits &= (1 << bitCount) - 1
    }
  }
  return scratch.toString('latin1', 0, at)
}

/** What kind of thing a TypeID names and its UUID, or `undefined` for any other text. */
export function decodeAnyId(text: string): { prefix: IdPrefix; id: Uuid } | undefined {
  const prefix = idPrefixes.find((known) => text.startsWith(`${known}_`))
  const id = prefix && decodeId(prefix, text)
  return prefix && id ? { prefix, id } : undefined
}

/** The UUID of a TypeID with that prefix, or `undefined` for any other text. */
export function decodeId(prefix: IdPrefix, text: string): Uuid | undefined {
  if (text.length !== prefix.length + 27 || !text.startsWith(`${prefix}_`)) return undefined
  const start = prefix.length + 1
  const first = valueOfCode[text.charCodeAt(start)] ?? -1
  if (first < 0 || first > 7) return undefined
  let at = 0
  let bits = 0
  let bitCount = -2
  for (let index = start; index < text.length; index += 1) {
    const value = valueOfCode[text.charCodeAt(index)] ?? -1
    if (value < 0) return undefined
    bits = (bits << 5) | value
    bitCount += 5
    while (bitCount >= 4) {
      bitCount -= 4
      if (at === 8 || at === 13 || at === 18 || at === 23) scratch[at++] = hyphen
      scratch[at++] = codeOfHex[(bits >> bitCount) & 15] ?? 0
    }
    bits &= (1 << bitCount) - 1
  }
  return scratch.toString('latin1', 0, at)
}
