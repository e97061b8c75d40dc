import { Type } from 'typebox'
import { BalanceSchema, idSchema, named, Timestamp } from '../http/schema.ts'
import { nullableDescription, nullableReference } from '../transfers/transfers.ts'

export const EntrySchema = named(
  'Entry',
  Type.Object(
    {
      seq: Type.Integer({
        minimum: 1,
        description: 'Gapless in the account, from 1',
        examples: [1],
      }),
      transfer_id: idSchema('xfer'),
      amount: BalanceSchema,
      balance_after: BalanceSchema,
      counterparty: Type.Object(
        {
          account_id: idSchema('acct'),
          display_name: Type.String({
            description: "The full name of a customer, or the code of one of the bank's accounts",
            examples: ['Zoë Müller'],
          }),
        },
        { additionalProperties: false },
      ),
      description: nullableDescription,
      reference: nullableReference,
      created_at: Timestamp,
    },
    {
      description:
        "The account's own view of a transfer: `amount` is negative where money left the account",
      additionalProperties: false,
    },
  ),
)
