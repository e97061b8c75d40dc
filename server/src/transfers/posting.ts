/**
 * What all requests that move money share: the instruction carries who asks, the idempotency key
 * and the request's id; a refusal is thrown as its problem; a replay is marked as one.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { idempotencyKey } from '../http/idempotency.ts'
import { markReplayed } from '../http/replay.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, type Uuid } from '../kernel/ids.ts'
import type { LedgerEngine, PostedTransfer, TransferInstruction } from '../ledger/ledger.ts'
import { refusalProblem, type FieldNames } from './refusal-problem.ts'

export interface Posting {
  ledger: LedgerEngine
  request: FastifyRequest
  reply: FastifyReply
  order: Omit<TransferInstruction, 'principalId' | 'idempotencyKey' | 'requestId'>
  /** What the request calls the ledger's fields, where it differs. */
  fieldNames?: FieldNames
}

/** The transfer, posted now or before under the same key. Throws the problem of a refusal. */
export async function post({
  ledger,
  request,
  reply,
  order,
  fieldNames = {},
}: Posting): Promise<PostedTransfer> {
  const outcome = await ledger.post({
    ...order,
    principalId: request.principal.userId,
    idempotencyKey: { key: idempotencyKey(request), index: 0 },
    requestId: request.id,
  })
  if (outcome.replayed) markReplayed(reply)
  if (outcome.kind === 'posted') return outcome.transfer
  throw refusalProblem(outcome.refusal, { requestId: outcome.requestId, fieldNames })
}

/** The UUID in an id that its schema has let through. */
export function accountIdOf(text: string): Uuid {
  return present(decodeId('acct', text), 'an id of the form that the schema asks for')
}
