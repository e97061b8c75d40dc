import { describe, expect, it } from 'vitest'
import { findCurrency } from './currency.ts'
import { isAmount, isCustomerBalance, MINOR_MAX } from './money.ts'

describe('isAmount', () => {
  it.each([1, 1050, MINOR_MAX])('%s is an amount', (value) => {
    expect(isAmount(value)).toBe(true)
  })

  it.each([0, -1, 0.5, MINOR_MAX + 1, NaN, Infinity, '1', null, undefined, 1n])(
    '%s is not',
    (value) => {
      expect(isAmount(value)).toBe(false)
    },
  )
})

describe('isCustomerBalance', () => {
  it('holds from -(2^53 - 1) to 2^53 - 1', () => {
    const max = BigInt(MINOR_MAX)
    expect([max, -max, 0n].every(isCustomerBalance)).toBe(true)
    expect([max + 1n, -max - 1n].some(isCustomerBalance)).toBe(false)
  })
})

describe('findCurrency', () => {
  it.each([
    ['KRW', 0],
    ['USD', 2],
    ['KWD', 3],
  ])('%s has %i decimal places', (code, exponent) => {
    expect(findCurrency(code)).toMatchObject({ code, exponent })
  })

  it.each(['usd', 'US', 'ZZZ', '', '978'])('%s is no currency', (code) => {
    expect(findCurrency(code)).toBeUndefined()
  })
})
