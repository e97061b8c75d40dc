/**
 * Accounts of customers. Who is neither the owner nor staff gets the same answer for an account as
 * for none at all. Accounts of the bank itself are not found here: see bank-accounts.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { idempotencyKeyIfAny } from '../http/idempotency.ts'
import { toList } from '../http/list.ts'
import { MomentQuerySchema } from '../http/moments.ts'
import { parsePage } from '../http/paging.ts'
import { problem, type ProblemError } from '../http/problem.ts'
import { markReplayed } from '../http/replay.ts'
import { isStaff, staffRoles } from '../http/roles.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { requireSupportedCurrency } from '../http/supported-currency.ts'
import { requireCleanText } from '../http/text.ts'
import { present } from '../kernel/assert.ts'
import type { Currency } from '../kernel/currency.ts'
import { decodeId, encodeId, type Uuid } from '../kernel/ids.ts'
import type { LedgerEngine, OpenAccountOutcome } from '../ledger/ledger.ts'
import { refusalProblem } from '../transfers/transfers.ts'
import { isAboutPast, readPast, type PastBalances } from './past.ts'
import { renderAccount, renderOpenedAccount } from './render.ts'
import {
  accountNameCodePointsMax,
  AccountSchema,
  CreateAccountSchema,
  PastAccountSchema,
} from './schema.ts'
import type { AccountStore } from './store.ts'

export interface AccountRoutesDependencies {
  ledger: LedgerEngine
  accounts: AccountStore
  balances: PastBalances
  currencies: readonly Currency[]
  /** How many accounts that are not closed one user may have. */
  accountsMax: number
}

const SeqQuerySchema = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The seq of an entry',
  examples: [7],
})

export function createAccountRoutes(dependencies: AccountRoutesDependencies): Routes {
  const { ledger, accounts, balances, currencies, accountsMax } = dependencies
  return async (app) => {
    app.post(
      '/v1/accounts',
      {
        config: { idempotencyKey: 'optional', scope: 'accounts:write' },
        schema: {
          operationId: 'createAccount',
          tags: ['Accounts'],
          summary: 'Open an account of your own',
          description:
            'The account is open at once, with nothing on it. With an `Idempotency-Key` the request can be repeated without opening a second one.',
          body: CreateAccountSchema,
          response: {
            201: AccountSchema,
            ...problems(
              'idempotency_key_invalid',
              'currency_not_supported',
              'idempotency_key_reused',
              'too_many_accounts',
              'unavailable',
              'shutting_down',
              'outcome_unknown',
            ),
          },
        },
      },
      async (request, reply) => {
        const { currency, name } = request.body
        requireCleanText({
          pointer: '/name',
          value: name,
          codePointsMax: accountNameCodePointsMax,
        })
        requireSupportedCurrency(currencies, currency)
        const key = idempotencyKeyIfAny(request)
        const outcome = await ledger.openAccount({
          ownerId: request.principal.userId,
          currency,
          name: name ?? null,
          accountsMax,
          requestId: request.id,
          idempotencyKey: key === null ? null : { key, index: 0 },
        })
        if (outcome.replayed) markReplayed(reply)
        if (outcome.kind === 'refused') throw openingProblem(outcome)
        return reply.code(201).send(renderOpenedAccount(outcome.account))
      },
    )

    app.get(
      '/v1/accounts',
      {
        config: { scope: 'accounts:read' },
        schema: {
          operationId: 'listAccounts',
          tags: ['Accounts'],
          summary: 'List your accounts',
          description:
            "Newest first. Staff read another user's accounts with `owner_id`; without it everyone reads their own.",
          querystring: Type.Object(
            { owner_id: Type.Optional(idSchema('user')), ...pageQuery },
            { additionalProperties: false },
          ),
          response: {
            200: listOf(AccountSchema),
            ...problems('invalid_cursor', 'role_required', 'unavailable'),
          },
        },
      },
      async (request) => {
        const ownerId = await readableOwner(request, request.query.owner_id)
        const scope = { list: `accounts:${ownerId}`, userId: request.principal.userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('acct', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await accounts.listByOwner({ ownerId, before, limit: limit + 1 })
        return toList({
          rows,
          limit,
          scope,
          position: ({ id }) => encodeId('acct', id),
          render: renderAccount,
        })
      },
    )

    app.get(
      '/v1/accounts/:id',
      {
        config: { scope: 'accounts:read' },
        schema: {
          operationId: 'getAccount',
          tags: ['Accounts'],
          summary: 'Read an account',
          description:
            'The owner reads it, and staff. With `at` (a moment up to now, its own entries included) or `seq` (an entry, or 0 for none) the answer is a PastAccount, for the owner and auditors: what was posted up to then.',
          params: Type.Object({ id: idSchema('acct') }),
          querystring: Type.Object(
            { at: Type.Optional(MomentQuerySchema), seq: Type.Optional(SeqQuerySchema) },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Union([AccountSchema, PastAccountSchema], {
              description: 'The account as it is, or what was posted on it then',
            }),
            ...problems('account_not_found', 'role_required', 'unavailable'),
          },
        },
      },
      async (request) => {
        const id = present(decodeId('acct', request.params.id), 'an id that fits its schema')
        const account = await accounts.find(id)
        const isReadable =
          account?.ownerId === request.principal.userId || isStaff(await request.roles())
        if (!account || !isReadable) {
          throw problem('account_not_found', { hidden: account && { prefix: 'acct', id } })
        }
        return isAboutPast(request.query)
          ? await readPast(request, account, request.query, balances)
          : renderAccount(account)
      },
    )
  }
}

/** Whose accounts are to be listed; throws `role_required` where that is for staff. */
async function readableOwner(
  request: FastifyRequest,
  ownerIdText: string | undefined,
): Promise<Uuid> {
  const { userId } = request.principal
  if (ownerIdText === undefined) return userId
  const ownerId = present(decodeId('user', ownerIdText), 'an id that fits its schema')
  if (ownerId !== userId && !isStaff(await request.roles())) {
    throw problem('role_required', { facts: { roles: staffRoles } })
  }
  return ownerId
}

function openingProblem({
  refusal,
  requestId,
}: Extract<OpenAccountOutcome, { kind: 'refused' }>): ProblemError {
  if (refusal.code === 'too_many_accounts') {
    const { limit } = refusal
    return problem(refusal.code, {
      detail: `You have ${limit} accounts, which is the limit.`,
      facts: { limit },
      requestId,
    })
  }
  return refusalProblem(refusal, { requestId })
}
