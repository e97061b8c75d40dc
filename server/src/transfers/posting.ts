/**
 * What all requests that move money share: the instruction carries who asks, the idempotency key
 * and the request's id; a refusal is thrown as its problem; a replay is marked as one.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { idempotencyKey } from '../http/idempotency.ts'
import type { HiddenThing } from '../http/problem.ts'
import { markReplayed } from '../http/replay.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, type Uuid } from '../kernel/ids.ts'
import type {
  LedgerEngine,
  Party,
  PostedTransfer,
  Refusal,
  TransferInstruction,
} from '../ledger/ledger.ts'
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
  const { refusal, requestId } = outcome
  const isOwner = order.authority === 'owner'
  const hidden = isOwner ? await findHidden(ledger, order.debit, refusal) : undefined
  throw refusalProblem(refusal, { requestId, fieldNames, hidden })
}

/** The account that was to pay, where it is there and not the caller's. */
async function findHidden(
  ledger: LedgerEngine,
  debit: Party,
  refusal: Refusal,
): Promise<HiddenThing | undefined> {
  if (refusal.code !== 'account_not_found' || refusal.side !== 'debit') return undefined
  if (!('accountId' in debit)) return undefined
  // The refusal stands without it, so a database that is gone by now is no matter.
  const account = await ledger.account(debit.accountId).catch(() => undefined)
  return account && { prefix: 'acct', id: account.id }
}

/** The UUID in an id that its schema has let through. */
export function accountIdOf(text: string): Uuid {
  return present(decodeId('acct', text), 'an id of the form that the schema asks for')
}
