/**
 * Currencies and their exponents, from the maintained ISO 4217 table of the `currency-codes`
 * package. The bank deals only in those that its configuration names.
 */
import currencyCodes from 'currency-codes'

/** An ISO 4217 alphabetic code, such as `EUR`. */
export type CurrencyCode = string

export interface Currency {
  code: CurrencyCode
  /** Decimal places of the minor unit: 2 for USD, 0 for KRW, 3 for KWD. */
  exponent: number
  /** The English name of ISO 4217. */
  name: string
}

/** The currency with that upper-case code, or `undefined` when ISO 4217 has none. */
export function findCurrency(code: string): Currency | undefined {
  if (!/^[A-Z]{3}$/.test(code)) return undefined
  const row = currencyCodes.code(code)
  return row && { code: row.code, exponent: row.digits, name: row.currency }
}
