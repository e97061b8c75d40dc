import { Type } from 'typebox'
import { CurrencyCodeSchema, idSchema, named } from '../http/schema.ts'

export const PayeeSchema = named(
  'Payee',
  Type.Object(
    {
      account_id: idSchema('acct', 'The account that receives by default'),
      currency: CurrencyCodeSchema,
      display_name: Type.String({
        description: 'To be shown to the payer before the payment',
        examples: ['Zoë Müller'],
      }),
    },
    { additionalProperties: false },
  ),
)
