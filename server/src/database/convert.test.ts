import { expect, test } from 'vitest'
import { toBigInt, toSafeInteger } from './convert.ts'

test('whole numbers within 2^53 - 1 are exact', () => {
  expect(toSafeInteger('9007199254740991')).toBe(9007199254740991)
  expect(toSafeInteger('-9007199254740991')).toBe(-9007199254740991)
  expect(toSafeInteger('0')).toBe(0)
})

test.each(['9007199254740992', '-9007199254740992', '1.5', '1e3', '', ' 1', '0x10', 'NaN'])(
  'what is not a safe integer is a defect and never rounded: %j',
  (text) => {
    expect(() => toSafeInteger(text)).toThrow('not a safe integer')
  },
)

test('whole numbers of any size are exact as bigint', () => {
  expect(toBigInt('99999999999999999999999999999999999999')).toBe(10n ** 38n - 1n)
  expect(toBigInt('-1')).toBe(-1n)
})

test.each(['', '1.0', 'NaN', '0x10', ' 1'])(
  'what is not a whole number is a defect: %j',
  (text) => {
    expect(() => toBigInt(text)).toThrow('not a whole number')
  },
)
