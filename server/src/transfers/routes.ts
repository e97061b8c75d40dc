/**
 * Transfers between accounts of customers: the owner of the account that pays makes them, both
 * parties and staff read them. Each reader sees the entry of their own side only.
 */
import { Type } from 'typebox'
import { toList } from '../http/list.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import { isStaff } from '../http/roles.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import { requireCleanText } from '../http/text.ts'
import { present } from '../kernel/assert.ts'
import type { Currency } from '../kernel/currency.ts'
import { decodeId } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { readTransferPage } from './listing.ts'
import { accountIdOf, post } from './posting.ts'
import { requireReadableAccount } from './readable-account.ts'
import { renderTransfer, viewOf } from './render.ts'
import {
  CreateTransferSchema,
  referenceCodePointsMax,
  ReferenceSchema,
  TransferSchema,
} from './schema.ts'
import type { TransferStore } from './store.ts'
import { wordsOf } from './words.ts'

export interface TransferRoutesDependencies {
  ledger: LedgerEngine
  transfers: TransferStore
  currencies: readonly Currency[]
}

export function createTransferRoutes(dependencies: TransferRoutesDependencies): Routes {
  const { ledger, transfers, currencies } = dependencies
  return async (app) => {
    app.post(
      '/v1/transfers',
      {
        config: { idempotencyKey: 'required', scope: 'transfers:write' },
        schema: {
          operationId: 'createTransfer',
          tags: ['Transfers'],
          summary: 'Pay from an account of yours',
          description:
            'Posts at once and durably, or refuses and changes nothing. The answer shows your side: the entry of the account that paid.',
          body: CreateTransferSchema,
          response: {
            201: TransferSchema,
            ...problems(
              'idempotency_key_missing',
              'idempotency_key_invalid',
              'currency_not_supported',
              'idempotency_key_reused',
              'account_not_found',
              'same_account',
              'currency_mismatch',
              'account_frozen',
              'account_closed',
              'limit_exceeded',
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
        const { from_account_id, to_account_id, amount, currency } = request.body
        requireSupportedCurrency(currencies, currency)
        const transfer = await post({
          ledger,
          request,
          reply,
          order: {
            kind: 'transfer',
            authority: 'owner',
            debit: { accountId: accountIdOf(from_account_id) },
            credit: { accountId: accountIdOf(to_account_id) },
            amount,
            currency,
            ...wordsOf(request.body),
          },
        })
        return reply.code(201).send(renderTransfer(transfer, { payer: true, receiver: false }))
      },
    )

    app.get(
      '/v1/transfers',
      {
        config: { scope: 'transfers:read' },
        schema: {
          operationId: 'listTransfers',
          tags: ['Transfers'],
          summary: 'List transfers of an account, or find one by its reference',
          description:
            'Newest first. Customers name an account of theirs with `account_id`; staff may leave it out.',
          querystring: Type.Object(
            {
              account_id: Type.Optional(idSchema('acct', 'On either side')),
              reference: Type.Optional(ReferenceSchema),
              ...pageQuery,
            },
            { additionalProperties: false },
          ),
          response: {
            200: listOf(TransferSchema),
            ...problems('invalid_cursor', 'account_not_found', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { account_id, reference } = request.query
        const { userId } = request.principal
        requireCleanText({
          pointer: 'reference',
          value: reference,
          codePointsMax: referenceCodePointsMax,
        })
        const accountId = account_id === undefined ? undefined : accountIdOf(account_id)
        await requireReadableAccount({ ledger, request, accountId, things: 'transfers' })
        const scope = { list: JSON.stringify(['transfers', accountId, reference]), userId }
        const { limit, after } = parsePage(request.query, scope)
        const { rows, position } = await readTransferPage(transfers, {
          accountId,
          reference,
          after,
          limit: limit + 1,
        })
        return toList({
          rows,
          limit,
          scope,
          position,
          render: (transfer) => renderTransfer(transfer, viewOf(transfer, userId)),
        })
      },
    )

    app.get(
      '/v1/transfers/:id',
      {
        config: { scope: 'transfers:read' },
        schema: {
          operationId: 'getTransfer',
          tags: ['Transfers'],
          summary: 'Read a transfer',
          description: 'The owners of both accounts read it, and staff.',
          params: Type.Object({ id: idSchema('xfer') }),
          response: { 200: TransferSchema, ...problems('transfer_not_found', 'unavailable') },
        },
      },
      async (request) => {
        const id = present(decodeId('xfer', request.params.id), 'an id that fits its schema')
        const transfer = await transfers.find(id)
        const view = transfer && viewOf(transfer, request.principal.userId)
        const isReadable = view?.payer || view?.receiver || isStaff(await request.roles())
        if (!transfer || !view || !isReadable) {
          throw problem('transfer_not_found', { hidden: transfer && { prefix: 'xfer', id } })
        }
        return renderTransfer(transfer, view)
      },
    )
  }
}
