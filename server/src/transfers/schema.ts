/** The transfer as the API shows it, and the request that makes one. */
import { Type } from 'typebox'
import {
  AmountSchema,
  BalanceSchema,
  CurrencyCodeSchema,
  idSchema,
  named,
  nullable,
  oneOf,
  Timestamp,
} from '../http/schema.ts'
import { MINOR_MAX } from '../kernel/money.ts'

export const metadataPairsMax = 16
export const metadataKeyCodePointsMax = 40
export const metadataValueCodePointsMax = 500
export const descriptionCodePointsMax = 140
export const referenceCodePointsMax = 64

const SeqSchema = Type.Integer({
  minimum: 1,
  description: 'Gapless in the account, from 1',
  examples: [1],
})

const DescriptionSchema = Type.String({
  minLength: 1,
  maxLength: descriptionCodePointsMax,
  description: 'Words for people; both sides see them',
  examples: ['Rent for May'],
})

export const ReferenceSchema = Type.String({
  minLength: 1,
  maxLength: referenceCodePointsMax,
  description: 'Your own name for the transfer, to find it again by; both sides see it',
  examples: ['INV-2026-0042'],
})

// Not Type.Record: its pattern would be tried on each key, in and out.
export const MetadataSchema = Type.Unsafe<Record<string, string>>({
  type: 'object',
  maxProperties: metadataPairsMax,
  additionalProperties: { type: 'string', maxLength: metadataValueCodePointsMax },
  description: `Your own notes, seen by the payer only: up to ${metadataPairsMax} pairs, keys up to ${metadataKeyCodePointsMax} and values up to ${metadataValueCodePointsMax} characters`,
  examples: [{ order: '42' }],
})

/** How the bank's own accounts are called. */
export const BankCodeSchema = Type.String({
  pattern: '^(cash|fees|settlement:[a-z0-9_-]{1,40})$',
  description: '`cash`, `fees` or `settlement:<name>`',
  examples: ['cash'],
})

/** Members that requests to move money have in common. */
export const transferWordsRequest = {
  description: Type.Optional(DescriptionSchema),
  reference: Type.Optional(ReferenceSchema),
}

/** A line of words in an answer. */
export const nullableDescription = nullable(Type.String({ examples: ['Rent for May'] }))
export const nullableReference = nullable(Type.String({ examples: ['INV-2026-0042'] }))

export const TransferEntrySchema = named(
  'TransferEntry',
  Type.Object(
    {
      seq: SeqSchema,
      transfer_id: idSchema('xfer'),
      amount: BalanceSchema,
      balance_after: BalanceSchema,
      counterparty: Type.Object({ account_id: idSchema('acct') }, { additionalProperties: false }),
      description: nullableDescription,
      reference: nullableReference,
      created_at: Timestamp,
    },
    {
      description: "One account's view of a transfer: `amount` is negative where it was debited",
      additionalProperties: false,
    },
  ),
)

export const TransferSchema = named(
  'Transfer',
  Type.Object(
    {
      id: idSchema('xfer'),
      kind: oneOf(['transfer', 'deposit', 'withdrawal', 'capture', 'reversal'], {
        description: 'More kinds will come',
      }),
      from_account_id: idSchema('acct'),
      to_account_id: idSchema('acct'),
      amount: AmountSchema,
      currency: CurrencyCodeSchema,
      description: nullableDescription,
      reference: nullableReference,
      reverses_id: nullable(idSchema('xfer', 'The transfer that a reversal takes back')),
      hold_id: nullable(idSchema('hold', 'The hold that a capture is of')),
      group_id: nullable(idSchema('group', 'The transfers that were posted all or none')),
      created_at: Timestamp,
      reversed_amount: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: MINOR_MAX,
          description:
            'What its reversals have taken back so far, in minor units; only where one transfer is read',
          examples: [0],
        }),
      ),
      metadata: Type.Optional(MetadataSchema),
      from_entry: Type.Optional(TransferEntrySchema),
      to_entry: Type.Optional(TransferEntrySchema),
    },
    {
      description:
        'One immutable movement of money. `metadata` and `from_entry` are there for the payer, `to_entry` for the receiver',
      additionalProperties: false,
    },
  ),
)

export const ReverseTransferSchema = named(
  'ReverseTransfer',
  Type.Object(
    {
      amount: Type.Optional(AmountSchema),
      ...transferWordsRequest,
      metadata: Type.Optional(MetadataSchema),
    },
    {
      description: 'Without `amount` all that is left of the transfer is taken back',
      additionalProperties: false,
    },
  ),
)

export const CreateTransferSchema = named(
  'CreateTransfer',
  Type.Object(
    {
      from_account_id: idSchema('acct', 'An account of yours'),
      to_account_id: idSchema('acct'),
      amount: AmountSchema,
      currency: CurrencyCodeSchema,
      ...transferWordsRequest,
      metadata: Type.Optional(MetadataSchema),
    },
    { additionalProperties: false },
  ),
)
