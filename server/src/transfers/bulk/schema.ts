/** Many transfers in one request, and the outcome of each. */
import { Type } from 'typebox'
import { named, oneOf, ProblemSchema } from '../../http/schema.ts'
import { PreviewSchema } from '../dry-run.ts'
import { CreateTransferSchema, TransferSchema } from '../schema.ts'

/** Transfers of one request, each with an outcome of its own. */
export const bulkTransfersMax = 8_000
/** Transfers of one request that are posted all or none: the ledger's `groupSizeMax`. */
export const atomicTransfersMax = 100

const BulkTransferSchema = named(
  'BulkTransfer',
  Type.Object(
    {
      ...CreateTransferSchema.properties,
      idempotency_key: Type.Optional(
        Type.String({
          pattern: '^[\\x21-\\x7e]{1,255}$',
          description:
            "As the header of a single transfer has it, and with the same meaning. Without one, the item's key is the request's together with the item's index",
          examples: ['payroll-2026-05-0042'],
        }),
      ),
    },
    { additionalProperties: false },
  ),
)

export const CreateBulkTransfersSchema = named(
  'CreateBulkTransfers',
  Type.Object(
    {
      atomic: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Post all or none, as one group: up to 100 transfers, without keys of their own',
          examples: [false],
        }),
      ),
      transfers: Type.Array(BulkTransferSchema, { minItems: 1, maxItems: bulkTransfersMax }),
    },
    { additionalProperties: false },
  ),
)

/** What became of one transfer. */
export const bulkStatuses = ['posted', 'refused', 'overloaded', 'unknown'] as const

const BulkOutcomeSchema = named(
  'BulkOutcome',
  Type.Object(
    {
      index: Type.Integer({
        minimum: 0,
        description: 'The place of the transfer in the request, from 0',
        examples: [0],
      }),
      status: oneOf(bulkStatuses, {
        description:
          '`posted`: it is in the books, and `transfer` is what a single request would have answered. `refused`: it never will be under this key, and `problem` says why. `overloaded`: nothing was done with it; send it again under the same key. `unknown`: it may be in the books; the same key finds out',
      }),
      transfer: Type.Optional(TransferSchema),
      preview: Type.Optional(PreviewSchema),
      problem: Type.Optional(ProblemSchema),
    },
    {
      description:
        '`transfer` is there when it is posted, `problem` in all other cases. In a dry run `posted` is what it would be: each transfer alone, or all of an atomic bulk together',
      additionalProperties: false,
    },
  ),
)

export const BulkOutcomesSchema = named(
  'BulkOutcomes',
  Type.Object(
    {
      dry_run: Type.Optional(Type.Literal(true)),
      outcomes: Type.Array(BulkOutcomeSchema, {
        description: 'One for each transfer, in the order of the request',
      }),
    },
    { additionalProperties: false },
  ),
)
