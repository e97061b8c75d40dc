/**
 * Deposits and withdrawals: a teller moves money between a customer's account and one of the
 * bank's own. The answer shows no balance: entries are for the owner and auditors.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { dryRunQuery } from '../http/dry-run.ts'
import type { Routes } from '../http/route.ts'
import { problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import type { Currency } from '../kernel/currency.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import {
  accountIdOf,
  dryRunOf,
  DryRunTransferSchema,
  post,
  renderTransfer,
  TransferSchema,
  wordsOf,
} from '../transfers/transfers.ts'
import { bankCodeDefault, CreateDepositSchema, CreateWithdrawalSchema } from './schema.ts'

export interface DepositRoutesDependencies {
  ledger: LedgerEngine
  currencies: readonly Currency[]
}

const refusals = [
  'idempotency_key_missing',
  'idempotency_key_invalid',
  'currency_not_supported',
  'role_required',
  'own_account',
  'idempotency_key_reused',
  'account_not_found',
  'currency_mismatch',
  'account_closed',
  'limit_exceeded',
  'unavailable',
  'shutting_down',
  'outcome_unknown',
] as const

/** The answer to what was posted, or to a dry run. */
interface AtCounter {
  posted: Static<typeof TransferSchema>
  tried: Static<typeof DryRunTransferSchema> | undefined
}

export function createDepositRoutes({ ledger, currencies }: DepositRoutesDependencies): Routes {
  async function postAtCounter(
    kind: 'deposit' | 'withdrawal',
    body: Static<typeof CreateDepositSchema>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<AtCounter> {
    const { account_id, amount, currency, via = bankCodeDefault } = body
    requireSupportedCurrency(currencies, currency)
    const customer = { accountId: accountIdOf(account_id) }
    const bank = { bankCode: via }
    const isDeposit = kind === 'deposit'
    const { transfer, preview } = await post({
      ledger,
      request,
      reply,
      order: {
        kind,
        authority: 'staff',
        debit: isDeposit ? bank : customer,
        credit: isDeposit ? customer : bank,
        amount,
        currency,
        ...wordsOf(body),
      },
      fieldNames: isDeposit
        ? { from_account_id: 'via', to_account_id: 'account_id' }
        : { from_account_id: 'account_id', to_account_id: 'via' },
    })
    const posted = renderTransfer(transfer, { payer: false, receiver: false })
    return { posted, tried: preview && dryRunOf(posted, preview, 'staff') }
  }

  return async (app) => {
    app.post(
      '/v1/deposits',
      {
        config: { access: ['teller'], idempotencyKey: 'required', scope: 'deposits:write' },
        schema: {
          operationId: 'createDeposit',
          tags: ['Deposits and withdrawals'],
          summary: 'Pay money in',
          description: "From the bank's account to a customer's, by a teller.",
          body: CreateDepositSchema,
          querystring: dryRunQuery,
          response: {
            200: DryRunTransferSchema,
            201: TransferSchema,
            ...problems(...refusals, 'balance_out_of_range'),
          },
        },
      },
      async (request, reply) => {
        const { posted, tried } = await postAtCounter('deposit', request.body, request, reply)
        return tried ? reply.code(200).send(tried) : reply.code(201).send(posted)
      },
    )

    app.post(
      '/v1/withdrawals',
      {
        config: { access: ['teller'], idempotencyKey: 'required', scope: 'withdrawals:write' },
        schema: {
          operationId: 'createWithdrawal',
          tags: ['Deposits and withdrawals'],
          summary: 'Pay money out',
          description: "From a customer's account to the bank's, by a teller.",
          body: CreateWithdrawalSchema,
          querystring: dryRunQuery,
          response: {
            200: DryRunTransferSchema,
            201: TransferSchema,
            ...problems(...refusals, 'account_frozen', 'insufficient_funds'),
          },
        },
      },
      async (request, reply) => {
        const { posted, tried } = await postAtCounter('withdrawal', request.body, request, reply)
        return tried ? reply.code(200).send(tried) : reply.code(201).send(posted)
      },
    )
  }
}
