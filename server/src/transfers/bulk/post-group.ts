/** Posts the orders of an atomic bulk as one group: all, or none. */
import { problem, type HiddenThing, type ProblemError } from '../../http/problem.ts'
import { assert, present } from '../../kernel/assert.ts'
import type { TransferOutcome } from '../../ledger/ledger.ts'
import { hiddenDebit } from '../posting.ts'
import { refusalProblem } from '../refusal-problem.ts'
import { instructionOf, type BulkWork, type PostedBulk } from './bulk-work.ts'
import { renderOutcomes } from './render-bulk.ts'

export async function postGroup(work: BulkWork): Promise<PostedBulk> {
  const { ledger, source, isDryRun } = work
  const orders = await source.slice(0, source.count)
  const instructions = orders.map((order, index) =>
    instructionOf(work, order, { key: work.key, index }),
  )
  const { outcomes } = await ledger.postGroup(instructions, { dryRun: isDryRun })
  const isReplay = outcomes.every(({ replayed }) => replayed)
  const guilty = outcomes.findIndex(
    (outcome) => outcome.kind === 'refused' && outcome.refusal.code !== 'group_failed',
  )
  if (guilty < 0) {
    const slices = [renderOutcomes(outcomes, 0, work)]
    return { slices, isReplay, hidden: undefined, refusal: undefined }
  }
  const { debit } = present(instructions[guilty], 'the guilty instruction')
  const outcome = present(outcomes[guilty], 'its outcome')
  assert(outcome.kind === 'refused', 'a group that is not posted is refused')
  const hidden = await hiddenDebit(ledger, debit)(outcome.refusal).catch(() => undefined)
  return { slices: [], isReplay, hidden, refusal: problemOf(outcome, guilty, hidden) }
}

/** A reused key is that of the request; all else is the fault of one of the group. */
function problemOf(
  { refusal, requestId }: Extract<TransferOutcome, { kind: 'refused' }>,
  index: number,
  hidden: HiddenThing | undefined,
): ProblemError {
  const { code, options } = refusalProblem(refusal, { requestId, hidden })
  const pointer = `/transfers/${index}`
  const { detail = code, facts } = options
  const errors = [{ pointer, code, detail }]
  if (code === 'idempotency_key_reused') return problem(code, { ...options, errors })
  return problem('group_failed', {
    detail: `${pointer}: ${detail}`,
    facts: { index, ...facts },
    errors,
    requestId,
    hidden,
  })
}
