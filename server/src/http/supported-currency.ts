/** Refuses currencies that the bank does not deal in. */
import type { Currency, CurrencyCode } from '../kernel/currency.ts'
import { problem } from './problem.ts'

/** Throws `currency_not_supported`, which says which are. */
export function requireSupportedCurrency(
  currencies: readonly Currency[],
  currency: CurrencyCode,
): void {
  if (currencies.some(({ code }) => code === currency)) return
  const supported = currencies.map(({ code }) => code)
  throw problem('currency_not_supported', {
    detail: `The bank does not deal in ${currency}, but in ${supported.join(', ')}.`,
    facts: { currency, supported },
  })
}
