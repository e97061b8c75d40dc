import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAppEnv, parseAppEnv } from './app-env.ts'

const key = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/)
const awkward = fc.string({
  unit: fc.constantFrom(
    '"',
    "'",
    '`',
    '\\',
    '$',
    '#',
    '\n',
    '\r',
    '\t',
    ' ',
    '=',
    '\u0000',
    'é',
    '鍵',
    '😀',
    '\ud800',
    '\u2028',
    '\ufeff',
    'n',
    '{',
    '}',
  ),
})

function read(text: string): Record<string, string> {
  const { entries, problems } = parseAppEnv(text)
  expect(problems).toEqual([])
  return Object.fromEntries(entries.map((entry) => [entry.key, entry.value]))
}

describe('app.env', () => {
  test('every value round-trips', () => {
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.oneof(awkward, fc.string({ unit: 'binary' }), fc.webUrl())),
        (values) => {
          expect(read(formatAppEnv(values))).toEqual({ ...values })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('what any JSON writer makes of a value is a quoted value', () => {
    fc.assert(
      fc.property(awkward, (value) => {
        const escaped = JSON.stringify(value).replace(/[^\x20-\x7e]/g, (character) => {
          return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
        })
        expect(read(`KEY=${escaped}`)).toEqual({ KEY: value })
      }),
    )
  })

  test.each([
    ['KEY=plain value', 'plain value'],
    ['KEY=  padded\t', 'padded'],
    ['KEY=', ''],
    ['KEY=""', ''],
    ['KEY=" padded "', ' padded '],
    ['KEY=a=b', 'a=b'],
    ['\ufeffKEY=after a byte order mark', 'after a byte order mark'],
    ['# comment\r\n\r\n   # another\r\nKEY=carriage return\r\n', 'carriage return'],
    ['KEY="line\\nline \\u00e9 \\"quoted\\" \\\\ # $HOME"', 'line\nline é "quoted" \\ # $HOME'],
  ])('%j is read as %j', (text, value) => {
    expect(read(text)).toEqual({ KEY: value })
  })

  test.each([
    'export KEY=value',
    'key=value',
    'KEY =value',
    ' KEY=value',
    'KEY',
    '=value',
    'KEY=a # comment',
    'KEY=$HOME',
    'KEY=back\\slash',
    "KEY='single'",
    'KEY="no end',
    'KEY="a" # comment',
    'KEY="bad \\x escape"',
  ])('%j is refused by its line, without its value', (text) => {
    const { entries, problems } = parseAppEnv(`FIRST=1\n${text}`)
    expect(entries.map((entry) => entry.key)).toEqual(['FIRST'])
    expect(problems).toHaveLength(1)
    expect(problems[0]?.line).toBe(2)
    expect(problems[0]?.reason).not.toMatch(/HOME|back.slash|single|no end|bad|comment/)
  })

  test('a key that comes twice is refused and names the first line', () => {
    const { problems } = parseAppEnv('A=1\nB=2\nA=3')
    expect(problems).toEqual([{ line: 3, reason: 'A is set on line 1 already' }])
  })

  test('a key that could not be read back is not written', () => {
    expect(() => formatAppEnv({ 'not a key': '1' })).toThrow(RangeError)
  })
})
