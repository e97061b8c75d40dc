/**
 * Reversals: who received a transfer gives it back, in whole or in part, or a teller does it for
 * them. A reversal is a transfer of its own, with the sides swapped, that names its original.
 */
import { Type } from 'typebox'
import type { FastifyRequest } from 'fastify'
import { dryRunQuery } from '../http/dry-run.ts'
import { toList } from '../http/list.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, encodeId, type Uuid } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { dryRunOf, DryRunTransferSchema } from './dry-run.ts'
import { post } from './posting.ts'
import { findReadable } from './readable-transfer.ts'
import { renderTransfer, viewOf } from './render.ts'
import { ReverseTransferSchema, TransferSchema } from './schema.ts'
import type { OwnedTransfer, TransferStore } from './store.ts'
import { wordsOf } from './words.ts'

export interface ReversalRoutesDependencies {
  ledger: LedgerEngine
  transfers: Pick<TransferStore, 'find' | 'listReversals'>
}

export function createReversalRoutes({ ledger, transfers }: ReversalRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/transfers/:id/reversals',
      {
        config: { idempotencyKey: 'required', scope: 'transfers:write', isBodyOptional: true },
        schema: {
          operationId: 'reverseTransfer',
          tags: ['Transfers'],
          summary: 'Give back what a transfer has paid to you',
          description:
            'In whole or in part, and never more than the transfer in sum. The receiver does it, from the account that received, or a teller, for any transfer but one of their own. Posts a transfer of kind `reversal`; the answer shows your side.',
          params: Type.Object({ id: idSchema('xfer') }),
          body: ReverseTransferSchema,
          querystring: dryRunQuery,
          response: {
            200: DryRunTransferSchema,
            201: TransferSchema,
            ...problems(
              'idempotency_key_missing',
              'idempotency_key_invalid',
              'own_account',
              'idempotency_key_reused',
              'transfer_not_found',
              'not_reversible',
              'reversal_exceeds_original',
              'account_frozen',
              'account_closed',
              'insufficient_funds',
              'balance_out_of_range',
              'unavailable',
              'shutting_down',
              'outcome_unknown',
            ),
          },
        },
      },
      async (request, reply) => {
        const transferId = transferIdOf(request.params.id)
        const original = await transfers.find(transferId)
        const isOwner = !(await isForStaff(request, original))
        const { transfer: reversal, preview } = await post({
          ledger,
          request,
          reply,
          order: {
            kind: 'reversal',
            authority: isOwner ? 'owner' : 'staff',
            transferId,
            amount: request.body.amount ?? null,
            ...wordsOf(request.body),
          },
          findHidden: async ({ code }) =>
            code === 'transfer_not_found' && original
              ? { prefix: 'xfer', id: transferId }
              : undefined,
        })
        const body = renderTransfer(reversal, { payer: isOwner, receiver: false })
        const asker = isOwner ? 'owner' : 'staff'
        if (preview) return reply.code(200).send(dryRunOf(body, preview, asker))
        return reply.code(201).send(body)
      },
    )

    app.get(
      '/v1/transfers/:id/reversals',
      {
        config: { scope: 'transfers:read' },
        schema: {
          operationId: 'listReversals',
          tags: ['Transfers'],
          summary: 'List the reversals of a transfer',
          description: 'Newest first, for the owners of both accounts and staff.',
          params: Type.Object({ id: idSchema('xfer') }),
          querystring: Type.Object(pageQuery, { additionalProperties: false }),
          response: {
            200: listOf(TransferSchema),
            ...problems('invalid_cursor', 'transfer_not_found', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { userId } = request.principal
        const { transfer } = await findReadable(transfers, request, request.params.id)
        const scope = { list: `reversals:${transfer.id}`, userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('xfer', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await transfers.listReversals({ id: transfer.id, before, limit: limit + 1 })
        return toList({
          rows,
          limit,
          scope,
          position: ({ id }) => encodeId('xfer', id),
          render: (reversal) => renderTransfer(reversal, viewOf(reversal, userId)),
        })
      },
    )
  }
}

/** A teller acts as one on everything but what was paid to themself. */
async function isForStaff(
  request: FastifyRequest,
  original: OwnedTransfer | undefined,
): Promise<boolean> {
  if (original?.creditOwnerId === request.principal.userId) return false
  return (await request.roles()).has('teller')
}

function transferIdOf(text: string): Uuid {
  return present(decodeId('xfer', text), 'an id that fits its schema')
}
