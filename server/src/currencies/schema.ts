import { Type } from 'typebox'
import { CurrencyCodeSchema, named } from '../http/schema.ts'

export const CurrencySchema = named(
  'Currency',
  Type.Object(
    {
      code: CurrencyCodeSchema,
      exponent: Type.Integer({
        description: 'Decimal places of the minor unit: amounts are divided by 10 to this power',
        examples: [2],
      }),
      name: Type.String({ description: 'English name in ISO 4217', examples: ['Euro'] }),
    },
    { additionalProperties: false },
  ),
)
