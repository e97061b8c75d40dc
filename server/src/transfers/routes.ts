/**
 * Transfers between accounts of customers: the owner of the account that pays makes them, both
 * parties and staff read them. Each reader sees the entry of their own side only.
 */
import { Type } from 'typebox'
import { dryRunQuery } from '../http/dry-run.ts'
import { toList } from '../http/list.ts'
import { parsePage } from '../http/paging.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import { requireCleanText } from '../http/text.ts'
import type { Currency } from '../kernel/currency.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { dryRunOf, DryRunTransferSchema } from './dry-run.ts'
import { readTransferPage } from './listing.ts'
import { accountIdOf, hiddenDebit, post } from './posting.ts'
import { requireReadableAccount } from './readable-account.ts'
import { findReadable } from './readable-transfer.ts'
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
          querystring: dryRunQuery,
          response: {
            200: DryRunTransferSchema,
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
              'daily_limit_exceeded',
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
        const debit = { accountId: accountIdOf(from_account_id) }
        const { transfer, preview } = await post({
          ledger,
          request,
          reply,
          order: {
            kind: 'transfer',
            authority: 'owner',
            debit,
            credit: { accountId: accountIdOf(to_account_id) },
            amount,
            currency,
            ...wordsOf(request.body),
          },
          findHidden: hiddenDebit(ledger, debit),
        })
        const body = renderTransfer(transfer, { payer: true, receiver: false })
        if (preview) return reply.code(200).send(dryRunOf(body, preview, 'owner'))
        return reply.code(201).send(body)
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
          description:
            'The owners of both accounts read it, and staff. `reversed_amount` says how much of it was taken back since.',
          params: Type.Object({ id: idSchema('xfer') }),
          response: { 200: TransferSchema, ...problems('transfer_not_found', 'unavailable') },
        },
      },
      async (request) => {
        const { transfer, view } = await findReadable(transfers, request, request.params.id)
        const reversedAmount = await transfers.reversedAmount(transfer.id)
        return { ...renderTransfer(transfer, view), reversed_amount: reversedAmount }
      },
    )
  }
}
