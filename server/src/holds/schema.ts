/** The hold as the API shows it, and the requests that place one and take from it. */
import { Type } from 'typebox'
import {
  AmountSchema,
  CurrencyCodeSchema,
  idSchema,
  named,
  oneOf,
  Timestamp,
} from '../http/schema.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { dryRunMembers, MetadataSchema, transferWordsRequest } from '../transfers/transfers.ts'

export const holdStates = ['active', 'captured', 'released', 'expired'] as const

/** A week: as long as a shop usually takes to ship. */
export const expiresInSecondsDefault = 604_800
const expiresInSecondsMax = 31_536_000

export const HoldStateSchema = oneOf(holdStates, {
  description: '`active`, and then one of the others for good',
})

export const HoldSchema = named(
  'Hold',
  Type.Object(
    {
      id: idSchema('hold'),
      from_account_id: idSchema('acct'),
      to_account_id: idSchema('acct'),
      amount: AmountSchema,
      captured: Type.Integer({
        minimum: 0,
        maximum: MINOR_MAX,
        description: 'What its capture took, in minor units; 0 without one',
        examples: [0],
      }),
      currency: CurrencyCodeSchema,
      state: HoldStateSchema,
      expires_at: Timestamp,
      created_at: Timestamp,
    },
    {
      description:
        'An amount that is reserved for one receiver: nothing else can spend it until it is captured, released or expired',
      additionalProperties: false,
    },
  ),
)

export const DryRunHoldSchema = named(
  'DryRunHold',
  Type.Object(
    { ...HoldSchema.properties, ...dryRunMembers },
    { description: 'The hold as it would be; its times mean nothing', additionalProperties: false },
  ),
)

export const CreateHoldSchema = named(
  'CreateHold',
  Type.Object(
    {
      from_account_id: idSchema('acct', 'An account of yours'),
      to_account_id: idSchema('acct', 'Where a capture will pay to'),
      amount: AmountSchema,
      currency: CurrencyCodeSchema,
      expires_in: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: expiresInSecondsMax,
          default: expiresInSecondsDefault,
          description: 'Seconds until the hold ends by itself',
          examples: [expiresInSecondsDefault],
        }),
      ),
    },
    { additionalProperties: false },
  ),
)

export const CaptureHoldSchema = named(
  'CaptureHold',
  Type.Object(
    {
      amount: Type.Optional(AmountSchema),
      ...transferWordsRequest,
      metadata: Type.Optional(MetadataSchema),
    },
    {
      description: 'Without `amount` all of it is taken; what is not taken is given back at once',
      additionalProperties: false,
    },
  ),
)
