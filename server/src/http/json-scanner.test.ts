import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createJsonScanner, type JsonRule } from './json-scanner.ts'

const scan = createJsonScanner()
const scanText = (text: string) => scan(Buffer.from(text))

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

describe('good JSON passes', () => {
  it.each([
    '{}',
    '[]',
    ' \t\r\n{ "a" : [ 1 , 2 ] } \n',
    'null',
    '0',
    '-1',
    '9007199254740991',
    '-9007199254740991',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"',
    '"\\ud83d\\ude00 😀 \u2028"',
    '{"a":{"a":1},"b":{"a":[{"a":1},{"a":2}]}}',
    '{"":1,"a":2,"ab":3,"ba":4}',
    '{"constructor":1,"__proto":2,"proto__":3}',
    nested(32),
  ])('%s', (text) => {
    expect(scanText(text)).toBeUndefined()
  })
})

describe('everything else names the rule and the place', () => {
  it.each<[JsonRule, string, string]>([
    ['empty', '', ''],
    ['empty', ' \n', ''],
    ['byte_order_mark', '\ufeff{}', ''],
    ['syntax', '{"a":1,}', '/a'],
    ['syntax', '[1,]', '/1'],
    ['syntax', "{'a':1}", ''],
    ['syntax', '{a:1}', ''],
    ['syntax', '{"a" 1}', '/a'],
    ['syntax', '{"a":1 "b":2}', '/a'],
    ['syntax', 'tru3', ''],
    ['syntax', 'undefined', ''],
    ['syntax', '"\\x41"', ''],
    ['syntax', '"\\u00g0"', ''],
    ['syntax', '// comment', ''],
    ['truncated', '{', ''],
    ['truncated', '{"amount":', '/amount'],
    ['truncated', '{"a":{"b":"c', '/a/b'],
    ['truncated', '"\\', ''],
    ['truncated', '"\\u00', ''],
    ['truncated', 'tru', ''],
    ['trailing_text', '{} {}', ''],
    ['trailing_text', '1 2', ''],
    ['trailing_text', '{}]', ''],
    ['depth', nested(33), '/0'.repeat(32)],
    ['depth', '['.repeat(100_000), '/0'.repeat(32)],
    ['depth', '{"a":'.repeat(33), '/a'.repeat(32)],
    ['too_many_values', `[${'1,'.repeat(10_000)}1]`, '/9999'],
    ['duplicate_member', '{"a":1,"a":1}', '/a'],
    ['duplicate_member', '{"a":1,"b":{"c":1,"d":2,"c":3}}', '/b/c'],
    ['duplicate_member', '{"a":1,"\\u0061":2}', '/a'],
    ['duplicate_member', '{"\\u0061":1,"a":2}', '/a'],
    ['duplicate_member', '{"é":1,"\\u00e9":2}', '/é'],
    ['duplicate_member', '{"a/~b":1,"a/~b":2}', '/a~1~0b'],
    ['duplicate_member', manyMembers(40, 3), '/m3'],
    ['duplicate_member', manyMembers(40, 39), '/m39'],
    ['proto_member', '{"__proto__":{"role":"admin"}}', '/__proto__'],
    ['proto_member', '[{"\\u005f_proto__":1}]', '/0/__proto__'],
    ['control_character', '"a\nb"', ''],
    ['control_character', '{"a":"\u0001"}', '/a'],
    ['nul_character', '{"a":"\u0000"}', '/a'],
    ['nul_character', '{"a":"x\\u0000"}', '/a'],
    ['lone_surrogate', '{"a":"\\ud800"}', '/a'],
    ['lone_surrogate', '"\\udc00"', ''],
    ['lone_surrogate', '"\\ud800\\ud800\\udc00"', ''],
    ['lone_surrogate', '"\\ud83dx"', ''],
    ['lone_surrogate', '{"\\ud800":1}', ''],
    ['number_form', '{"amount":1.0}', '/amount'],
    ['number_form', '{"amount":10.50}', '/amount'],
    ['number_form', '[1e3]', '/0'],
    ['number_form', '1E400', ''],
    ['number_form', '-0', ''],
    ['number_form', '01', ''],
    ['number_form', '-', ''],
    ['number_form', '+1', ''],
    ['number_form', '.5', ''],
    ['number_form', 'NaN', ''],
    ['number_form', '-Infinity', ''],
    ['number_range', '9007199254740992', ''],
    ['number_range', '-9007199254740993', ''],
    ['number_range', `{"a":${'9'.repeat(400)}}`, '/a'],
  ])('%s: %s', (rule, text, pointer) => {
    expect(scanText(text)).toEqual({ rule, pointer })
  })

  it.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('encoding: %s', (_, bytes) => {
    expect(scan(Buffer.from(bytes))).toEqual({ rule: 'encoding', pointer: '' })
  })

  it('a scanner is as good as new after it refused something', () => {
    scanText('{"a":1,"\\u0062":{"b":')
    expect(scanText('{"a":1,"b":2}')).toBeUndefined()
    expect(scanText('{"b":1,"b":2}')).toEqual({ rule: 'duplicate_member', pointer: '/b' })
  })

  it('a pointer that repeats what the client sent is cut', () => {
    const name = 'n'.repeat(100_000)
    expect(scanText(`{"${name}":1.5}`)?.pointer).toHaveLength(200)
  })
})

function manyMembers(count: number, repeated: number): string {
  const members = Array.from({ length: count }, (_, index) => `"m${index}":1`)
  return `{${[...members, `"m${repeated}":1`].join(',')}}`
}

// Values as the API has them: integers, well-formed text, no __proto__ member.
const textArbitrary = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
const { value: valueArbitrary } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.maxSafeInteger().map((value) => value + 0),
    textArbitrary,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      textArbitrary.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
}))

test('whatever JSON.stringify writes of such values passes, with and without white space', () => {
  fc.assert(
    fc.property(valueArbitrary, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      expect(scanText(JSON.stringify(value, null, space))).toBeUndefined()
    }),
    { numRuns: 500 },
  )
})

test('what passes, JSON.parse reads, whatever was done to the bytes', () => {
  const noise = fc.constantFrom(
    ...'{}[]",:\\/u0159-+.eEntf \n\u0000é'.split(''),
    '\\ud800',
    '"a":1',
  )
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(3),
    put: noise,
  })
  let passed = 0
  fc.assert(
    fc.property(valueArbitrary, fc.array(edit, { maxLength: 3 }), (value, edits) => {
      let text = JSON.stringify(value)
      for (const { at, cut, put } of edits) {
        const start = Math.floor(at * text.length)
        text = text.slice(0, start) + put + text.slice(start + cut)
      }
      if (scanText(text) !== undefined) return
      passed += 1
      // Written again it has as many members as before: none was dropped as a duplicate.
      const again = JSON.stringify(JSON.parse(text))
      expect(JSON.parse(again)).toEqual(JSON.parse(text))
      expect(countColons(again)).toBe(countColons(text))
    }),
    { numRuns: 3000 },
  )
  expect(passed).toBeGreaterThan(100)
})

// Colons outside of strings: one for each member.
function countColons(text: string): number {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').split(':').length
}
