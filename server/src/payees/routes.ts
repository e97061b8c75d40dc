/** Whom to pay: an exact user name leads to an account and the name of its owner. No search. */
import { Type } from 'typebox'
import { problem } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { CurrencyCodeSchema, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import type { Currency } from '../kernel/currency.ts'
import { encodeId } from '../kernel/ids.ts'
import { PayeeSchema } from './schema.ts'
import type { PayeeStore } from './store.ts'

export interface PayeeRoutesDependencies {
  payees: PayeeStore
  currencies: readonly Currency[]
}

export function createPayeeRoutes({ payees, currencies }: PayeeRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/v1/payees',
      {
        config: { scope: 'payees:read' },
        schema: {
          operationId: 'findPayee',
          tags: ['Transfers'],
          summary: 'Find the account to pay a user',
          description:
            "The user's oldest open account in that currency. The user name must match exactly; upper and lower case are the same.",
          querystring: Type.Object(
            {
              username: Type.String({ pattern: '^[A-Za-z0-9_]{3,64}$', examples: ['bob'] }),
              currency: CurrencyCodeSchema,
            },
            { additionalProperties: false },
          ),
          response: {
            200: PayeeSchema,
            ...problems('currency_not_supported', 'payee_not_found', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { username, currency } = request.query
        requireSupportedCurrency(currencies, currency)
        const payee = await payees.find(username.toLowerCase(), currency)
        if (!payee) throw problem('payee_not_found')
        return {
          account_id: encodeId('acct', payee.accountId),
          currency: payee.currency,
          display_name: payee.displayName,
        }
      },
    )
  }
}
