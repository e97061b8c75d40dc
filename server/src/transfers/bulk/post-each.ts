/**
 * Posts the orders of a bulk each on its own, a window at a time, and renders each slice of them as
 * soon as it is answered. A failure that befalls one order is its outcome and nobody else's.
 *
 * A dry run that is abandoned ends early: what is left of it is neither fetched nor tried.
 */
import type { HiddenThing } from '../../http/problem.ts'
import { Fault } from '../../kernel/fault.ts'
import type { TransferOutcome } from '../../ledger/ledger.ts'
import { hiddenDebit } from '../posting.ts'
import { instructionOf, type BulkWork, type PostedBulk } from './bulk-work.ts'
import { feed, sliceSizeDefault, type Feed } from './feeder.ts'
import type { BulkOrder } from './read-bulk.ts'
import { renderOutcomes, type BulkOutcome } from './render-bulk.ts'

/** How long orders of one bulk are begun; the rest are then answered as `overloaded`. */
const beginMillisecondsMax = 30_000

export async function postEach(work: BulkWork): Promise<PostedBulk> {
  const { ledger, source, isClosed, isAbandoned, reportDefect } = work
  const lastBegin = performance.now() + beginMillisecondsMax
  let isReplay = true
  let hidden: Promise<HiddenThing | undefined> | undefined

  async function post(order: BulkOrder, index: number): Promise<BulkOutcome> {
    if (isClosed()) return { kind: 'failed', code: 'shutting_down' }
    if (isAbandoned() || performance.now() > lastBegin)
      return { kind: 'failed', code: 'overloaded' }
    const instruction = instructionOf(work, order, keyOf(order, work.key, index))
    try {
      const outcome = await ledger.post(instruction, { dryRun: work.isDryRun })
      if (isDebitNotFound(outcome)) {
        // One row in the audit trail for all of them says as much as one each.
        hidden ??= hiddenDebit(ledger, instruction.debit)(outcome.refusal).catch(() => undefined)
      }
      return outcome
    } catch (error) {
      if (error instanceof Fault) return { kind: 'failed', code: error.code }
      reportDefect(error)
      return { kind: 'failed', code: 'internal_error' }
    }
  }

  const order: Feed<BulkOrder, BulkOutcome, Buffer> = {
    count: source.count,
    async fetch(start, end) {
      if (isAbandoned()) return []
      return source.slice(start, end).catch((error) => failFetch(start, error))
    },
    nameOf: (each, index) => nameOf(each, work.key, index),
    post,
    finish(outcomes, start) {
      isReplay &&= outcomes.every((outcome) => outcome.kind !== 'failed' && outcome.replayed)
      return renderOutcomes(outcomes, start, work)
    },
  }
  const slices = await feed(order, { window: work.window, sliceSize: sliceSizeDefault })
  return { slices, isReplay, hidden: await hidden, refusal: undefined }
}

/** By the time a later slice fails, earlier ones may be in the books. */
function failFetch(start: number, cause: unknown): never {
  if (start === 0) throw cause
  throw new Fault('outcome_unknown', 'the rest of a bulk could not be fetched', { cause })
}

function keyOf(order: BulkOrder, requestKey: string, index: number) {
  return order.key === null ? { key: requestKey, index } : { key: order.key, index: 0 }
}

/** Orders of one key wait for each other; keys with an index of their own are no one else's. */
function nameOf(order: BulkOrder, requestKey: string, index: number): string | undefined {
  const { key, index: keyIndex } = keyOf(order, requestKey, index)
  return keyIndex === 0 ? key : undefined
}

function isDebitNotFound(
  outcome: TransferOutcome,
): outcome is Extract<TransferOutcome, { kind: 'refused' }> {
  if (outcome.kind !== 'refused') return false
  return outcome.refusal.code === 'account_not_found' && outcome.refusal.side === 'debit'
}
