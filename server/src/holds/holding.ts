/** What requests that place and release holds share; see transfers/posting.ts for those that post. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isDryRun } from '../http/dry-run.ts'
import { markReplayed } from '../http/replay.ts'
import type {
  Hold,
  HoldInstruction,
  LedgerEngine,
  Preview,
  ReleaseInstruction,
} from '../ledger/ledger.ts'
import { broughtBy, refusalProblem, type FindHidden } from '../transfers/transfers.ts'

type Brought = 'principalId' | 'idempotencyKey' | 'requestId'

export interface Holding {
  ledger: LedgerEngine
  request: FastifyRequest
  reply: FastifyReply
  order: Omit<HoldInstruction, Brought> | Omit<ReleaseInstruction, Brought>
  findHidden: FindHidden
}

export interface Held {
  hold: Hold
  /** Of a dry run, with which nothing was done. */
  preview: Preview | undefined
}

/** The hold as it was placed or released, now or before under the same key. Throws the problem of a refusal. */
export async function hold(holding: Holding): Promise<Held> {
  const { ledger, request, reply, order, findHidden } = holding
  const options = { dryRun: isDryRun(request) }
  const outcome = await ledger.hold({ ...order, ...broughtBy(request) }, options)
  if (outcome.replayed) markReplayed(reply)
  if (outcome.kind === 'held') return { hold: outcome.hold, preview: outcome.preview }
  const { refusal, requestId } = outcome
  // The refusal stands without it, so a database that is gone by now is no matter.
  const hidden = await findHidden(refusal).catch(() => undefined)
  throw refusalProblem(refusal, { requestId, hidden })
}
