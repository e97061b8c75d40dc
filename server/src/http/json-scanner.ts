/**
 * Reads the raw bytes of a JSON body before `JSON.parse` does, and refuses what two parsers could
 * read differently or what cannot be stored: duplicate members (JSON.parse keeps the last),
 * `__proto__`, escaped NUL and lone surrogates, invalid UTF-8, a byte order mark, more than 32
 * levels, and every number that is not a plain integer within +-(2^53 - 1).
 *
 * Whatever passes, `JSON.parse` reads, and reads to exactly one value (RFC 8259, I-JSON RFC 7493).
 * One pass over the bytes, in place; a scanner owns its scratch memory, is synchronous, and is
 * made once per thread. The body of a transfer (244 bytes) costs 1.2 us, next to 0.7 us for reading
 * it with JSON.parse (2 shared cores): `node server/src/http/json-scanner.bench.ts`.
 *
 * Bounds: the caller bounds the bytes; levels, values and members are bounded here.
 */
import { isUtf8 } from 'node:buffer'
import { createMemberNames } from './json-member-names.ts'
import { escapePointer } from './validation.ts'

export const jsonRules = {
  empty: 'there is no JSON text',
  encoding: 'the bytes are not valid UTF-8',
  byte_order_mark: 'a byte order mark is not allowed',
  syntax: 'this is not JSON',
  truncated: 'the text ends too early',
  trailing_text: 'there is more after the end of the JSON text',
  depth: 'there are more than 32 levels',
  too_many_values: 'there are too many values',
  duplicate_member: 'the member is there twice',
  proto_member: 'a member must not be named __proto__',
  control_character: 'a control character must be escaped',
  nul_character: 'the NUL character is not allowed',
  lone_surrogate: 'half a surrogate pair is not a character',
  number_form:
    'numbers are integers written in digits only; amounts are in minor units: 1050 is 10.50 EUR',
  number_range:
    'integers are from -(2^53 - 1) to 2^53 - 1; amounts are in minor units: 1050 is 10.50 EUR',
} as const

export type JsonRule = keyof typeof jsonRules

export interface JsonFinding {
  rule: JsonRule
  /** JSON Pointer to the value or member that breaks the rule. */
  pointer: string
}

export const jsonDepthMax = 32
/** Far more than most requests of the API have, and few enough to validate in milliseconds. */
export const jsonValuesMax = 10_000

export type JsonScanner = (bytes: Buffer) => JsonFinding | undefined

/**
 * Makes a scanner. It returns the first thing that is wrong, or `undefined` for good JSON. A larger
 * `valuesMax` is for bodies that are not read on the event loop.
 */
export function createJsonScanner({ valuesMax = jsonValuesMax } = {}): JsonScanner {
  const names = createMemberNames(jsonDepthMax)
  /** Where the scan is at each level: an index of an array, or -1 in an object. */
  const indexAt = new Int32Array(jsonDepthMax + 1)
  let bytes: Buffer = nothing
  let position = 0
  let depth = 0
  let valueCount = 0
  let broken: JsonRule | undefined

  return function scan(body) {
    if (body.length === 0) return { rule: 'empty', pointer: '' }
    if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
      return { rule: 'byte_order_mark', pointer: '' }
    }
    if (!isUtf8(body)) return { rule: 'encoding', pointer: '' }
    bytes = body
    position = depth = valueCount = 0
    broken = undefined
    skipBlanks()
    if (position === body.length) return { rule: 'empty', pointer: '' }
    if (scanValue()) {
      skipBlanks()
      if (position < body.length) fail('trailing_text')
    }
    const finding = broken && { rule: broken, pointer: pointer() }
    names.forget()
    bytes = nothing
    return finding
  }

  function fail(rule: JsonRule): false {
    broken ??= rule
    return false
  }

  function failHere(): false {
    return fail(position >= bytes.length ? 'truncated' : 'syntax')
  }

  function scanValue(): boolean {
    if (++valueCount > valuesMax) return fail('too_many_values')
    const byte = bytes[position]
    switch (byte) {
      case 0x22: // "
        position += 1
        return scanString()
      case 0x7b: // {
        return scanObject()
      case 0x5b: // [
        return scanArray()
      case 0x74: // t
        return scanWord('true')
      case 0x66: // f
        return scanWord('false')
      case 0x6e: // n
        return scanWord('null')
      default:
        return scanNumber()
    }
  }

  function scanObject(): boolean {
    if (depth === jsonDepthMax) return fail('depth')
    depth += 1
    indexAt[depth] = -1
    names.open(depth)
    position += 1
    skipBlanks()
    if (bytes[position] === 0x7d) return close()
    for (;;) {
      if (bytes[position] !== 0x22) return failHere()
      if (!scanMember()) return false
      skipBlanks()
      const byte = bytes[position]
      if (byte === 0x7d) return close()
      if (byte !== 0x2c) return failHere()
      position += 1
      skipBlanks()
    }
  }

  function scanMember(): boolean {
    position += 1
    const start = position
    if (!scanString()) return false
    const verdict = names.add(bytes, depth, start, position - 1)
    if (verdict !== 'new') return fail(verdict)
    skipBlanks()
    if (bytes[position] !== 0x3a) return failHere()
    position += 1
    skipBlanks()
    return scanValue()
  }

  function scanArray(): boolean {
    if (depth === jsonDepthMax) return fail('depth')
    depth += 1
    indexAt[depth] = 0
    position += 1
    skipBlanks()
    if (bytes[position] === 0x5d) return close()
    for (let index = 0; ; index += 1) {
      indexAt[depth] = index
      if (!scanValue()) return false
      skipBlanks()
      const byte = bytes[position]
      if (byte === 0x5d) return close()
      if (byte !== 0x2c) return failHere()
      position += 1
      skipBlanks()
    }
  }

  function close(): true {
    position += 1
    depth -= 1
    return true
  }

  /** From after the opening quote to after the closing one. */
  function scanString(): boolean {
    for (;;) {
      const byte = bytes[position]
      if (byte === undefined) return fail('truncated')
      if (byte === 0x22) {
        position += 1
        return true
      }
      if (byte < 0x20) return fail(byte === 0 ? 'nul_character' : 'control_character')
      if (byte !== 0x5c) position += 1
      else if (!scanEscape()) return false
    }
  }

  function scanEscape(): boolean {
    const byte = bytes[position + 1]
    if (byte !== 0x75) {
      // One of " \ / b f n r t.
      const isKnown =
        byte === 0x22 ||
        byte === 0x5c ||
        byte === 0x2f ||
        byte === 0x62 ||
        byte === 0x66 ||
        byte === 0x6e ||
        byte === 0x72 ||
        byte === 0x74
      position += isKnown ? 2 : 1
      return isKnown || failHere()
    }
    const unit = codeUnitAt(position + 2)
    if (unit < 0) return escapeIsCut(position + 2) ? fail('truncated') : fail('syntax')
    if (unit === 0) return fail('nul_character')
    position += 6
    if (unit < 0xd800 || unit > 0xdfff) return true
    const isPair = unit < 0xdc00 && bytes[position] === 0x5c && bytes[position + 1] === 0x75
    const low = isPair ? codeUnitAt(position + 2) : -1
    if (low < 0xdc00 || low > 0xdfff) return fail('lone_surrogate')
    position += 6
    return true
  }

  function escapeIsCut(start: number): boolean {
    return start + 4 > bytes.length
  }

  /** The value of four hexadecimal digits, or -1. */
  function codeUnitAt(start: number): number {
    let unit = 0
    for (let index = start; index < start + 4; index += 1) {
      const byte = bytes[index] ?? 0
      const letter = byte | 0x20
      if (byte >= 0x30 && byte <= 0x39) unit = unit * 16 + byte - 0x30
      else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + letter - 0x57
      else return -1
    }
    return unit
  }

  /** -?(0|[1-9][0-9]*), but not -0, and not followed by what would make it another number. */
  function scanNumber(): boolean {
    const isNegative = bytes[position] === 0x2d
    if (isNegative) position += 1
    const start = position
    let value = 0
    let byte = bytes[position]
    while (byte !== undefined && byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + (byte - 0x30)
      position += 1
      byte = bytes[position]
    }
    const digitCount = position - start
    if (digitCount === 0) return isNegative || startsNumber(byte) ? fail('number_form') : failHere()
    const isContinued = byte === 0x2e || byte === 0x65 || byte === 0x45
    const isPadded = digitCount > 1 && bytes[start] === 0x30
    if (isContinued || isPadded || (isNegative && value === 0)) return fail('number_form')
    // Digits beyond the range may round, but never back into it.
    return value <= Number.MAX_SAFE_INTEGER || fail('number_range')
  }

  function scanWord(word: string): boolean {
    for (let index = 0; index < word.length; index += 1) {
      if (bytes[position] !== word.charCodeAt(index)) return failHere()
      position += 1
    }
    return true
  }

  function skipBlanks(): void {
    for (;;) {
      const byte = bytes[position]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      position += 1
    }
  }

  function pointer(): string {
    let path = ''
    for (let level = 1; level <= depth; level += 1) {
      const index = indexAt[level] ?? -1
      const name = index >= 0 ? String(index) : names.last(bytes, level)
      if (name !== undefined) path += `/${escapePointer(name)}`
    }
    return path.slice(0, pointerLengthMax)
  }
}

const pointerLengthMax = 200
const nothing = Buffer.alloc(0)

// `+1`, `.5`, `NaN` and `Infinity` are meant as numbers, so the hint about numbers helps.
function startsNumber(byte: number | undefined): boolean {
  return byte === 0x2b || byte === 0x2e || byte === 0x4e || byte === 0x49
}
