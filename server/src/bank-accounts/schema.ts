import { Type } from 'typebox'
import { CurrencyCodeSchema, idSchema, named, oneOf, Timestamp } from '../http/schema.ts'
import { BankCodeSchema } from '../transfers/transfers.ts'

const normalSides = ['debit', 'credit'] as const

export const BankAccountSchema = named(
  'BankAccount',
  Type.Object(
    {
      id: idSchema('acct'),
      code: BankCodeSchema,
      currency: CurrencyCodeSchema,
      normal_side: oneOf(normalSides, {
        description: '`debit` for what the bank has, `credit` for what it owes or earned',
      }),
      ledger_balance: Type.String({
        pattern: '^-?[0-9]+$',
        description: 'In minor units, in the normal side. A string: it may outgrow JSON integers',
        examples: ['1050'],
      }),
      created_at: Timestamp,
    },
    { additionalProperties: false },
  ),
)

export const CreateBankAccountSchema = named(
  'CreateBankAccount',
  Type.Object(
    {
      code: BankCodeSchema,
      currency: CurrencyCodeSchema,
      normal_side: Type.Optional(
        oneOf(normalSides, {
          description: 'By default `credit` for `fees` and `debit` for all others',
        }),
      ),
    },
    { additionalProperties: false },
  ),
)
