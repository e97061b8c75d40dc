import { Type } from 'typebox'
import { AmountSchema, CurrencyCodeSchema, idSchema, named } from '../http/schema.ts'
import { BankCodeSchema, transferWordsRequest } from '../transfers/transfers.ts'

/** The bank account on the other side where a request names none. */
export const bankCodeDefault = 'cash'

const members = {
  account_id: idSchema('acct', "A customer's account, not your own"),
  amount: AmountSchema,
  currency: CurrencyCodeSchema,
  via: Type.Optional(BankCodeSchema),
  ...transferWordsRequest,
}

export const CreateDepositSchema = named(
  'CreateDeposit',
  Type.Object(members, {
    description: `\`via\` is the bank's account on the other side, \`${bankCodeDefault}\` by default`,
    additionalProperties: false,
  }),
)

export const CreateWithdrawalSchema = named(
  'CreateWithdrawal',
  Type.Object(members, {
    description: `\`via\` is the bank's account on the other side, \`${bankCodeDefault}\` by default`,
    additionalProperties: false,
  }),
)
