/** Which currencies the bank deals in. */
import { Type } from 'typebox'
import type { Routes } from '../http/route.ts'
import type { Currency } from '../kernel/currency.ts'
import { CurrencySchema } from './schema.ts'

export interface CurrencyRoutesDependencies {
  /** In the order in which they are listed. */
  currencies: readonly Currency[]
}

export function createCurrencyRoutes({ currencies }: CurrencyRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/v1/currencies',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'listCurrencies',
          tags: ['Currencies'],
          summary: 'List the currencies of the bank',
          description: 'The whole list: it is short and changes only when the bank is configured.',
          response: {
            200: Type.Object(
              { data: Type.Array(CurrencySchema) },
              { additionalProperties: false, description: 'The currencies' },
            ),
          },
        },
      },
      async () => ({
        data: currencies.map(({ code, exponent, name }) => ({ code, exponent, name })),
      }),
    )
  }
}
