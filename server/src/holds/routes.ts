/**
 * Holds: the owner of an account reserves an amount for one receiver, and then captures it, in whole
 * or in part, or releases it; or it expires. How they stand is read through read-routes.ts.
 */
import { Type } from 'typebox'
import { dryRunQuery } from '../http/dry-run.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import { present } from '../kernel/assert.ts'
import type { Currency } from '../kernel/currency.ts'
import { decodeId, type Uuid } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import {
  accountIdOf,
  dryRunOf,
  DryRunTransferSchema,
  hiddenDebit,
  post,
  renderTransfer,
  TransferSchema,
  wordsOf,
  type FindHidden,
} from '../transfers/transfers.ts'
import { hold } from './holding.ts'
import { renderHold } from './render.ts'
import {
  CaptureHoldSchema,
  CreateHoldSchema,
  DryRunHoldSchema,
  expiresInSecondsDefault,
  HoldSchema,
} from './schema.ts'
import type { HoldStore } from './store.ts'

export interface HoldRoutesDependencies {
  ledger: LedgerEngine
  holds: Pick<HoldStore, 'find'>
  currencies: readonly Currency[]
}

const commonProblems = [
  'idempotency_key_missing',
  'idempotency_key_invalid',
  'idempotency_key_reused',
  'unavailable',
  'shutting_down',
  'outcome_unknown',
] as const

export function createHoldRoutes({ ledger, holds, currencies }: HoldRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/holds',
      {
        config: { idempotencyKey: 'required', scope: 'holds:write' },
        schema: {
          operationId: 'createHold',
          tags: ['Holds'],
          summary: 'Reserve money of an account of yours',
          description:
            'Nothing else can spend the amount until the hold is captured, released or expired. The answer shows the hold as it was placed; `GET /v1/holds/{id}` shows how it stands.',
          body: CreateHoldSchema,
          querystring: dryRunQuery,
          response: {
            200: DryRunHoldSchema,
            201: HoldSchema,
            ...problems(
              ...commonProblems,
              'currency_not_supported',
              'account_not_found',
              'same_account',
              'currency_mismatch',
              'account_frozen',
              'account_closed',
              'limit_exceeded',
              'daily_limit_exceeded',
              'insufficient_funds',
              'balance_out_of_range',
            ),
          },
        },
      },
      async (request, reply) => {
        const { from_account_id, to_account_id, amount, currency, expires_in } = request.body
        requireSupportedCurrency(currencies, currency)
        const debit = { accountId: accountIdOf(from_account_id) }
        const { hold: placed, preview } = await hold({
          ledger,
          request,
          reply,
          order: {
            kind: 'hold',
            authority: 'owner',
            debit,
            credit: { accountId: accountIdOf(to_account_id) },
            amount,
            currency,
            expiresInSeconds: expires_in ?? expiresInSecondsDefault,
          },
          findHidden: hiddenDebit(ledger, debit),
        })
        const body = renderHold(placed)
        if (preview) return reply.code(200).send(dryRunOf(body, preview, 'owner'))
        return reply.code(201).send(body)
      },
    )

    app.post(
      '/v1/holds/:id/capture',
      {
        config: { idempotencyKey: 'required', scope: 'holds:write', isBodyOptional: true },
        schema: {
          operationId: 'captureHold',
          tags: ['Holds'],
          summary: 'Pay what is held',
          description:
            'Once, in whole or in part: what is not taken is given back at once. Posts a transfer of kind `capture`, of which the answer shows your side.',
          params: Type.Object({ id: idSchema('hold') }),
          body: CaptureHoldSchema,
          querystring: dryRunQuery,
          response: {
            200: DryRunTransferSchema,
            201: TransferSchema,
            ...problems(
              ...commonProblems,
              'hold_not_found',
              'hold_not_active',
              'capture_exceeds_hold',
              'account_frozen',
              'account_closed',
              'balance_out_of_range',
            ),
          },
        },
      },
      async (request, reply) => {
        const holdId = holdIdOf(request.params.id)
        const { transfer, preview } = await post({
          ledger,
          request,
          reply,
          order: {
            kind: 'capture',
            authority: 'owner',
            holdId,
            amount: request.body.amount ?? null,
            ...wordsOf(request.body),
          },
          findHidden: hiddenHold(holds, holdId),
        })
        const body = renderTransfer(transfer, { payer: true, receiver: false })
        if (preview) return reply.code(200).send(dryRunOf(body, preview, 'owner'))
        return reply.code(201).send(body)
      },
    )

    app.post(
      '/v1/holds/:id/release',
      {
        config: { idempotencyKey: 'required', scope: 'holds:write' },
        schema: {
          operationId: 'releaseHold',
          tags: ['Holds'],
          summary: 'Give back what is held',
          description: 'Once: the whole amount is available again.',
          params: Type.Object({ id: idSchema('hold') }),
          querystring: dryRunQuery,
          response: {
            200: Type.Union([HoldSchema, DryRunHoldSchema]),
            ...problems(...commonProblems, 'hold_not_found', 'hold_not_active'),
          },
        },
      },
      async (request, reply) => {
        const holdId = holdIdOf(request.params.id)
        const { hold: released, preview } = await hold({
          ledger,
          request,
          reply,
          order: { kind: 'release', authority: 'owner', holdId },
          findHidden: hiddenHold(holds, holdId),
        })
        const body = renderHold(released)
        return preview ? dryRunOf(body, preview, 'owner') : body
      },
    )
  }
}

/** Looks for a hold that is there and on somebody else's account. */
function hiddenHold(holds: Pick<HoldStore, 'find'>, id: Uuid): FindHidden {
  return async ({ code }) => {
    if (code !== 'hold_not_found') return undefined
    return (await holds.find(id)) && { prefix: 'hold', id }
  }
}

function holdIdOf(text: string): Uuid {
  return present(decodeId('hold', text), 'an id that fits its schema')
}
