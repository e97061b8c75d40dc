import { expect, test } from 'vitest'
import { isCleanText } from './text.ts'

test.each([
  ['Latin', 'Zoë Müller'],
  ['Arabic', 'محمد'],
  ['Hindi with a zero-width joiner', 'क्‍ष'],
  ['a family emoji', '👩‍👩‍👧'],
  ['one character', 'x'],
])('%s is clean text', (_, text) => {
  expect(isCleanText(text, 100)).toBe(true)
})

test.each([
  ['empty', ''],
  ['blanks only', ' \u00a0\u3000'],
  ['a zero-width space', '\u200b'],
  ['a filler', '\u3164'],
  ['tags only', '\u{E0041}\u{E0042}'],
  ['NUL', 'a\u0000b'],
  ['a line feed', 'a\nb'],
  ['DEL', 'a\u007f'],
  ['a C1 control', 'a\u0085'],
  ['a line separator', 'a\u2028b'],
  ['a direction override', 'a\u202eb'],
  ['a direction isolate', '\u2066a\u2069'],
  ['a right-to-left mark', 'a\u200f'],
  ['a byte order mark', '\ufeffa'],
  ['a lone high surrogate', 'a\ud800'],
  ['a lone low surrogate', '\udc00a'],
  ['text that is not NFC', 'e\u0301'],
])('%s is refused', (_, text) => {
  expect(isCleanText(text, 100)).toBe(false)
})

test('length is counted in code points, not in UTF-16 units', () => {
  expect(isCleanText('😀'.repeat(100), 100)).toBe(true)
  expect(isCleanText('😀'.repeat(101), 100)).toBe(false)
  expect(isCleanText('a'.repeat(100), 100)).toBe(true)
  expect(isCleanText('a'.repeat(101), 100)).toBe(false)
})
