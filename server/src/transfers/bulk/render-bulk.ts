/**
 * The outcomes of a bulk as bytes, a slice at a time, so that rendering thousands of them never holds
 * the event loop: a slice of 128 takes about a millisecond.
 *
 * A transfer and a problem are the very bytes that a single request would have answered, so that a
 * replay of the bulk renders its outcomes again to the same.
 */
import type { Static } from 'typebox'
import { renderProblem } from '../../http/problem.ts'
import { unreachable } from '../../kernel/assert.ts'
import type { FaultCode } from '../../kernel/fault.ts'
import type { TransferOutcome } from '../../ledger/ledger.ts'
import { renderPreview } from '../dry-run.ts'
import { refusalProblem } from '../refusal-problem.ts'
import { renderTransfer } from '../render.ts'
import type { TransferSchema } from '../schema.ts'
import type { bulkStatuses } from './schema.ts'

/** The outcome of one order, or why there is none. */
export type BulkOutcome = TransferOutcome | { kind: 'failed'; code: FaultCode | 'internal_error' }

export interface RenderContext {
  requestId: string
  /** The serializer of single transfers, so that the members stand in the same order. */
  serializeTransfer: (transfer: Static<typeof TransferSchema>) => string
}

/** A slice of the answer: its outcomes, divided by commas. */
export function renderOutcomes(
  outcomes: readonly BulkOutcome[],
  start: number,
  context: RenderContext,
): Buffer {
  const texts = outcomes.map((outcome, place) => renderOutcome(outcome, start + place, context))
  return Buffer.from(texts.join(','))
}

/** The whole answer. */
export function joinOutcomes(slices: readonly Buffer[], isDryRun: boolean): Buffer {
  const parts = slices.flatMap((slice, place) => (place === 0 ? [slice] : [comma, slice]))
  return Buffer.concat([isDryRun ? dryRunHead : head, ...parts, tail])
}

const head = Buffer.from('{"outcomes":[')
const dryRunHead = Buffer.from('{"dry_run":true,"outcomes":[')
const comma = Buffer.from(',')
const tail = Buffer.from(']}')

function renderOutcome(
  outcome: BulkOutcome,
  index: number,
  { requestId, serializeTransfer }: RenderContext,
): string {
  switch (outcome.kind) {
    case 'posted': {
      const transfer = renderTransfer(outcome.transfer, { payer: true, receiver: false })
      const { preview } = outcome
      const json = serializeTransfer(transfer)
      return member(
        index,
        'posted',
        'transfer',
        preview ? `${json},"preview":${JSON.stringify(renderPreview(preview, 'owner'))}` : json,
      )
    }
    case 'refused': {
      const { code, options } = refusalProblem(outcome.refusal, { requestId: outcome.requestId })
      return member(index, 'refused', 'problem', renderProblem(code, options))
    }
    case 'failed':
      return member(
        index,
        statusOf[outcome.code],
        'problem',
        renderProblem(outcome.code, { requestId }),
      )
    default:
      return unreachable(outcome)
  }
}

/** Whether something may have been done without an answer. */
const statusOf = {
  overloaded: 'overloaded',
  unavailable: 'overloaded',
  shutting_down: 'overloaded',
  outcome_unknown: 'unknown',
  internal_error: 'unknown',
} as const satisfies Record<FaultCode | 'internal_error', Status>

type Status = (typeof bulkStatuses)[number]

function member(index: number, status: Status, name: string, json: string): string {
  return `{"index":${index},"status":"${status}","${name}":${json}}`
}
