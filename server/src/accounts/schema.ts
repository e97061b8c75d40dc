import { Type } from 'typebox'
import {
  BalanceSchema,
  CurrencyCodeSchema,
  idSchema,
  named,
  nullable,
  oneOf,
  Timestamp,
} from '../http/schema.ts'
import { MINOR_MAX } from '../kernel/money.ts'

export const accountNameCodePointsMax = 100

/** An amount that may be nothing. */
const AmountOrZeroSchema = Type.Integer({
  minimum: 0,
  maximum: MINOR_MAX,
  description: 'In minor units',
  examples: [0],
})

const LimitSchema = (description: string) =>
  nullable(Type.Integer({ minimum: 0, maximum: MINOR_MAX, description, examples: [100_000] }))

export const AccountLimitsSchema = named(
  'AccountLimits',
  Type.Object(
    {
      per_transfer: LimitSchema(
        "The most that one transfer or hold may move; null: the bank's own limit alone",
      ),
      per_day: LimitSchema(
        'The most that transfers and holds may take in a day of the bank; null: no such limit',
      ),
    },
    { description: 'In minor units', additionalProperties: false },
  ),
)

export const AccountSchema = named(
  'Account',
  Type.Object(
    {
      id: idSchema('acct'),
      owner_id: idSchema('user'),
      name: nullable(Type.String({ examples: ['Rent and food'] })),
      currency: CurrencyCodeSchema,
      status: oneOf(['open', 'frozen', 'closed'], {
        description: '`frozen`: only receives. More states may come',
      }),
      ledger_balance: BalanceSchema,
      held: AmountOrZeroSchema,
      available_balance: BalanceSchema,
      overdraft_limit: AmountOrZeroSchema,
      limits: AccountLimitsSchema,
      version: Type.Integer({
        minimum: 0,
        description: 'The seq of the last entry; 0 when there is none',
        examples: [1],
      }),
      created_at: Timestamp,
    },
    {
      description: '`available_balance` is `ledger_balance` - `held` + `overdraft_limit`',
      additionalProperties: false,
    },
  ),
)

export const PastAccountSchema = named(
  'PastAccount',
  Type.Object(
    {
      id: idSchema('acct'),
      currency: CurrencyCodeSchema,
      ledger_balance: BalanceSchema,
      version: Type.Integer({
        minimum: 0,
        description: 'The seq of the last entry up to then; 0 before the first',
        examples: [1],
      }),
      at: nullable({
        ...Timestamp,
        description:
          'The moment that was asked for, or when the entry was booked whose seq was; null before the first',
      }),
    },
    {
      description: 'What was posted on an account up to a moment of its past, or up to an entry',
      additionalProperties: false,
    },
  ),
)

const NameSchema = Type.String({
  minLength: 1,
  maxLength: accountNameCodePointsMax,
  description: 'What you call it; nobody else sees it but staff',
  examples: ['Rent and food'],
})

export const CreateAccountSchema = named(
  'CreateAccount',
  Type.Object(
    { currency: CurrencyCodeSchema, name: Type.Optional(NameSchema) },
    { additionalProperties: false },
  ),
)

export const RenameAccountSchema = named(
  'RenameAccount',
  Type.Object({ name: nullable(NameSchema) }, { additionalProperties: false }),
)
