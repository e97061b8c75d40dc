/**
 * What all requests that move money share: the instruction carries who asks, the idempotency key
 * and the request's id; a refusal is thrown as its problem; a replay is marked as one.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isDryRun } from '../http/dry-run.ts'
import { idempotencyKey } from '../http/idempotency.ts'
import type { HiddenThing } from '../http/problem.ts'
import { markReplayed } from '../http/replay.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, type Uuid } from '../kernel/ids.ts'
import type {
  CaptureInstruction,
  LedgerEngine,
  Party,
  PostedTransfer,
  Preview,
  Refusal,
  ReversalInstruction,
  TransferInstruction,
} from '../ledger/ledger.ts'
import { refusalProblem, type FieldNames } from './refusal-problem.ts'

/** What each instruction has of the request that brings it. */
type Brought = 'principalId' | 'idempotencyKey' | 'requestId'

/** What is there and not the caller's, where that is why it was refused. */
export type FindHidden = (refusal: Refusal) => Promise<HiddenThing | undefined>

export interface Posting {
  ledger: LedgerEngine
  request: FastifyRequest
  reply: FastifyReply
  order:
    | Omit<TransferInstruction, Brought>
    | Omit<CaptureInstruction, Brought>
    | Omit<ReversalInstruction, Brought>
  /** What the request calls the ledger's fields, where it differs. */
  fieldNames?: FieldNames
  findHidden?: FindHidden
}

export interface Posted {
  transfer: PostedTransfer
  /** Of a dry run, with which nothing was posted. */
  preview: Preview | undefined
}

/** The transfer, posted now or before under the same key. Throws the problem of a refusal. */
export async function post(posting: Posting): Promise<Posted> {
  const { ledger, request, reply, order, fieldNames = {}, findHidden } = posting
  const options = { dryRun: isDryRun(request) }
  const outcome = await ledger.post({ ...order, ...broughtBy(request) }, options)
  if (outcome.replayed) markReplayed(reply)
  if (outcome.kind === 'posted') return { transfer: outcome.transfer, preview: outcome.preview }
  const { refusal, requestId } = outcome
  // The refusal stands without it, so a database that is gone by now is no matter.
  const hidden = await findHidden?.(refusal).catch(() => undefined)
  throw refusalProblem(refusal, { requestId, fieldNames, hidden })
}

/** Who asks, under which key, with which request. */
export function broughtBy(request: FastifyRequest): Pick<TransferInstruction, Brought> {
  return {
    principalId: request.principal.userId,
    idempotencyKey: { key: idempotencyKey(request), index: 0 },
    requestId: request.id,
  }
}

/** Looks for the account that was to pay, where it is there and not the caller's. */
export function hiddenDebit(ledger: Pick<LedgerEngine, 'account'>, debit: Party): FindHidden {
  return async (refusal) => {
    if (refusal.code !== 'account_not_found' || refusal.side !== 'debit') return undefined
    if (!('accountId' in debit)) return undefined
    const account = await ledger.account(debit.accountId)
    return account && { prefix: 'acct', id: account.id }
  }
}

/** The UUID in an id that its schema has let through. */
export function accountIdOf(text: string): Uuid {
  return present(decodeId('acct', text), 'an id of the form that the schema asks for')
}
