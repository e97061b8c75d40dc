/**
 * Parameters in PostgreSQL's binary format, built here so that nothing is left for the driver to
 * convert: one array per column of a write set.
 *
 * As text, PostgreSQL spent a tenth of its time on a batch on reading them back (`uuid_in` calls
 * `strtoul` for each byte of an id), and a transfer sends a dozen ids.
 *
 * The layout of an array (`array_recv`): number of dimensions, whether there are nulls, the oid of
 * the elements, their count, the first index; then each element behind its length, -1 for null.
 */
import { assert, Defect } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'

const headerLength = 20
const oids = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, numeric: 1700, uuid: 2950 }

function writeHeader(target: Buffer, oid: number, count: number, hasNulls = false): void {
  target.writeInt32BE(1, 0)
  target.writeInt32BE(hasNulls ? 1 : 0, 4)
  target.writeInt32BE(oid, 8)
  target.writeInt32BE(count, 12)
  target.writeInt32BE(1, 16)
}

export function uuidArray(values: readonly Uuid[]): Buffer {
  const target = Buffer.allocUnsafe(headerLength + values.length * 20)
  writeHeader(target, oids.uuid, values.length)
  let at = headerLength
  for (const value of values) {
    target.writeInt32BE(16, at)
    writeUuid(target, value, at + 4)
    at += 20
  }
  return target
}

export function nullableUuidArray(values: readonly (Uuid | null)[]): Buffer {
  const target = Buffer.allocUnsafe(headerLength + values.length * 20)
  writeHeader(target, oids.uuid, values.length, true)
  let at = headerLength
  for (const value of values) {
    target.writeInt32BE(value === null ? -1 : 16, at)
    if (value !== null) writeUuid(target, value, at + 4)
    at += value === null ? 4 : 20
  }
  return target.subarray(0, at)
}

const valueOfCode = new Uint8Array(128).fill(255)
for (let value = 0; value < 16; value += 1) {
  valueOfCode[value.toString(16).charCodeAt(0)] = value
}
/** Where the digits of each byte begin in the canonical text of an id. */
const byteOffsets = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34)

function writeUuid(target: Buffer, value: Uuid, at: number): void {
  let seen = 0
  for (let index = 0; index < 16; index += 1) {
    const offset = byteOffsets[index] ?? 0
    const high = valueOfCode[value.charCodeAt(offset)] ?? 255
    const low = valueOfCode[value.charCodeAt(offset + 1)] ?? 255
    seen |= high | low
    target[at + index] = (high << 4) | low
  }
  if (seen > 15 || value.length !== 36) throw new Defect('an id is not a UUID in canonical form')
}

/** For safe integers. */
export function bigintArray(values: readonly number[]): Buffer {
  const target = Buffer.allocUnsafe(headerLength + values.length * 12)
  writeHeader(target, oids.int8, values.length)
  let at = headerLength
  for (const value of values) {
    assert(Number.isSafeInteger(value), 'a bigint parameter is a safe integer')
    const high = Math.floor(value / 0x1_0000_0000)
    target.writeInt32BE(8, at)
    target.writeInt32BE(high, at + 4)
    target.writeUInt32BE(value - high * 0x1_0000_0000, at + 8)
    at += 12
  }
  return target
}

export function integerArray(values: readonly number[]): Buffer {
  const target = Buffer.allocUnsafe(headerLength + values.length * 8)
  writeHeader(target, oids.int4, values.length)
  let at = headerLength
  for (const value of values) {
    assert(Number.isInteger(value), 'an integer parameter is a whole number')
    target.writeInt32BE(4, at)
    target.writeInt32BE(value, at + 4)
    at += 8
  }
  return target
}

/** For whole numbers: base 10,000 digits, the highest first, whole zero digits at the end left out. */
export function numericArray(values: readonly bigint[]): Buffer {
  // 38 decimal digits are at most 10 digits of base 10,000.
  const target = Buffer.allocUnsafe(headerLength + values.length * (12 + 20))
  writeHeader(target, oids.numeric, values.length)
  let at = headerLength
  for (const value of values) at += writeNumeric(target, value, at)
  return target.subarray(0, at)
}

const digits = new Uint16Array(10)

function writeNumeric(target: Buffer, value: bigint, at: number): number {
  const isNegative = value < 0n
  let rest = isNegative ? -value : value
  let count = 0
  while (rest > BigInt(Number.MAX_SAFE_INTEGER)) {
    assert(count < 6, 'a balance has at most 38 digits')
    digits[count++] = Number(rest % 10_000n)
    rest /= 10_000n
  }
  // Small enough for a number, whose arithmetic is many times that of a bigint.
  let small = Number(rest)
  while (small > 0) {
    const next = Math.floor(small / 10_000)
    digits[count++] = small - next * 10_000
    small = next
  }
  const length = 8 + 2 * count
  target.writeInt32BE(length, at)
  target.writeInt16BE(count, at + 4)
  target.writeInt16BE(Math.max(count - 1, 0), at + 6)
  target.writeInt16BE(isNegative ? 0x4000 : 0, at + 8)
  target.writeInt16BE(0, at + 10)
  for (let index = 0; index < count; index += 1) {
    target.writeInt16BE(digits[count - 1 - index] ?? 0, at + 12 + 2 * index)
  }
  return 4 + length
}

export function textArray(values: readonly (string | null)[]): Buffer {
  let length = headerLength
  let hasNulls = false
  for (const value of values) {
    if (value === null) hasNulls = true
    // Three bytes for each UTF-16 unit are always enough.
    length += 4 + (value === null ? 0 : value.length * 3)
  }
  const target = Buffer.allocUnsafe(length)
  writeHeader(target, oids.text, values.length, hasNulls)
  let at = headerLength
  for (const value of values) {
    const written = value === null ? -1 : target.write(value, at + 4)
    target.writeInt32BE(written, at)
    at += 4 + Math.max(written, 0)
  }
  return target.subarray(0, at)
}

/** From lower-case hexadecimal text. */
export function byteaArray(values: readonly string[]): Buffer {
  let length = headerLength
  for (const value of values) length += 4 + value.length / 2
  const target = Buffer.allocUnsafe(length)
  writeHeader(target, oids.bytea, values.length)
  let at = headerLength
  for (const value of values) {
    const size = value.length / 2
    const written = target.write(value, at + 4, 'hex')
    assert(written === size, 'the fields of a key are hexadecimal')
    target.writeInt32BE(size, at)
    at += 4 + size
  }
  return target
}
