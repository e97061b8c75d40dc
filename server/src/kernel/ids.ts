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

const randomPool = Buffer.alloc(4096)
let randomPoolUsed = randomPool.length

function randomBytesPooled(length: number): Buffer {
  if (randomPoolUsed + length > randomPool.length) {
    randomFillSync(randomPool)
    randomPoolUsed = 0
  }
  randomPoolUsed += length
  return randomPool.subarray(randomPoolUsed - length, randomPoolUsed)
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
    const random = randomBytesPooled(10)
    const present = now()
    if (present > milliseconds) {
      milliseconds = present
      counter = random.readUInt16BE(8) & 0x7ff
    } else if (++counter > 0xfff) {
      milliseconds += 1
      counter = 0
    }
    const time = milliseconds.toString(16).padStart(12, '0')
    const tail = random.toString('hex', 0, 8)
    const variant = (8 | (Number.parseInt(tail.charAt(0), 16) & 3)).toString(16)
    return (
      `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}` +
      `-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`
    )
  }
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const valueOfCode = new Int8Array(128).fill(-1)
for (let index = 0; index < alphabet.length; index += 1) {
  valueOfCode[alphabet.charCodeAt(index)] = index
}

const hexDigits = '0123456789abcdef'
const valueOfHex = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value += 1) valueOfHex[hexDigits.charCodeAt(value)] = value

/** The TypeID text of a UUID. Every answer has a handful, hence the table in place of `parseInt`. */
export function encodeId(prefix: IdPrefix, uuid: Uuid): string {
  // 128 bits in 26 characters of 5 bits: two zero bits in front, then groups of five from the left.
  let text = ''
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
      text += alphabet[bits >> bitCount]
      bits &= (1 << bitCount) - 1
    }
  }
  return `${prefix}_${text}`
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
  let uuid = ''
  let bits = 0
  let bitCount = -2
  for (let index = start; index < text.length; index += 1) {
    const value = valueOfCode[text.charCodeAt(index)] ?? -1
    if (value < 0) return undefined
    bits = (bits << 5) | value
    bitCount += 5
    while (bitCount >= 4) {
      bitCount -= 4
      const { length } = uuid
      if (length === 8 || length === 13 || length === 18 || length === 23) uuid += '-'
      uuid += hexDigits[(bits >> bitCount) & 15]
    }
    bits &= (1 << bitCount) - 1
  }
  return uuid
}
