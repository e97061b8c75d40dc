/** Accounts of the bank itself: an admin opens them (or their first use does), staff read them. */
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { toList } from '../http/list.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import { staffRoles } from '../http/roles.ts'
import type { Routes } from '../http/route.ts'
import { listOf, pageQuery, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import { present } from '../kernel/assert.ts'
import type { Currency } from '../kernel/currency.ts'
import { decodeId, encodeId } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { BankAccountSchema, CreateBankAccountSchema } from './schema.ts'
import type { BankAccountBalance, BankAccountStore } from './store.ts'

export interface BankAccountRoutesDependencies {
  ledger: LedgerEngine
  bankAccounts: BankAccountStore
  currencies: readonly Currency[]
}

export function createBankAccountRoutes(dependencies: BankAccountRoutesDependencies): Routes {
  const { ledger, bankAccounts, currencies } = dependencies
  return async (app) => {
    app.post(
      '/v1/bank-accounts',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'createBankAccount',
          tags: ['Bank accounts'],
          summary: 'Open an account of the bank',
          description:
            'There is one for each code and currency. Opening it again gives the one that is there, with status 200.',
          body: CreateBankAccountSchema,
          response: {
            200: BankAccountSchema,
            201: BankAccountSchema,
            ...problems(
              'currency_not_supported',
              'bank_account_exists',
              'unavailable',
              'shutting_down',
              'outcome_unknown',
            ),
          },
        },
      },
      async (request, reply) => {
        const { code, currency, normal_side } = request.body
        requireSupportedCurrency(currencies, currency)
        const act = { principalId: request.principal.userId, requestId: request.id }
        const opened = await ledger.openBankAccount(code, currency, normal_side, act)
        const { account, created } = opened
        if (normal_side !== undefined && account.normalSide !== normal_side) {
          throw problem('bank_account_exists', {
            detail: `${code} in ${currency} is there with the normal side ${account.normalSide}.`,
            facts: { id: encodeId('acct', account.accountId), normal_side: account.normalSide },
          })
        }
        const state = present(await ledger.account(account.accountId), 'an account just opened')
        const answer = renderBankAccount({ ...account, ledgerBalance: state.ledgerBalance })
        return reply.code(created ? 201 : 200).send(answer)
      },
    )

    app.get(
      '/v1/bank-accounts',
      {
        config: { access: staffRoles, scope: 'bank_accounts:read' },
        schema: {
          operationId: 'listBankAccounts',
          tags: ['Bank accounts'],
          summary: 'List the accounts of the bank',
          description: 'Newest first, with their balances. For staff.',
          querystring: Type.Object(pageQuery, { additionalProperties: false }),
          response: {
            200: listOf(BankAccountSchema),
            ...problems('invalid_cursor', 'unavailable'),
          },
        },
      },
      async (request) => {
        const scope = { list: 'bank_accounts', userId: request.principal.userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('acct', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await bankAccounts.list({ before, limit: limit + 1 })
        return toList({
          rows,
          limit,
          scope,
          position: ({ accountId }) => encodeId('acct', accountId),
          render: renderBankAccount,
        })
      },
    )
  }
}

function renderBankAccount(account: BankAccountBalance): Static<typeof BankAccountSchema> {
  return {
    id: encodeId('acct', account.accountId),
    code: account.code,
    currency: account.currency,
    normal_side: account.normalSide,
    ledger_balance: String(account.ledgerBalance),
    created_at: account.createdAt.toISOString(),
  }
}
