/** A bulk that was read and is to be posted, with what is needed of its request. */
import type { HiddenThing, ProblemError } from '../../http/problem.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { IdempotencyKey, LedgerEngine, TransferInstruction } from '../../ledger/ledger.ts'
import type { BulkSource } from './bulk-reader.ts'
import type { BulkOrder } from './read-bulk.ts'
import type { RenderContext } from './render-bulk.ts'
import type { Window } from './window.ts'

export interface BulkWork extends RenderContext {
  ledger: LedgerEngine
  principalId: Uuid
  /** The idempotency key of the request. */
  key: string
  isDryRun: boolean
  source: BulkSource
  /** Through which all bulks of the server feed the ledger, as the principal has it. */
  window: Window
  /** True when nothing more is to be begun. */
  isClosed: () => boolean
  /** True when nobody is there for the answer of a dry run, which is all that it is for. */
  isAbandoned: () => boolean
  /** For a defect that befell one order alone. */
  reportDefect: (error: unknown) => void
}

export interface PostedBulk {
  /** The outcomes, rendered. */
  slices: Buffer[]
  /** All of them were there already. */
  isReplay: boolean
  /** The first account that was to pay and is somebody else's. */
  hidden: HiddenThing | undefined
  /** The problem of a group that was refused. */
  refusal: ProblemError | undefined
}

export function instructionOf(
  { principalId, requestId }: BulkWork,
  order: BulkOrder,
  idempotencyKey: IdempotencyKey,
): TransferInstruction {
  const { amount, currency, description, reference, metadata } = order
  return {
    kind: 'transfer',
    authority: 'owner',
    principalId,
    idempotencyKey,
    requestId,
    debit: { accountId: order.fromAccountId },
    credit: { accountId: order.toAccountId },
    amount,
    currency,
    description,
    reference,
    metadata,
  }
}
