/**
 * What admins change about customers' accounts: whether they pay, and how far they may be overdrawn.
 * The ledger decides, under the account's lock, and keeps the row of the audit trail.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problem, type ProblemError } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, named, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeId } from '../kernel/ids.ts'
import { MINOR_MAX, toMinor } from '../kernel/money.ts'
import type { AccountChange, ChangeAccountRefusal, LedgerEngine } from '../ledger/ledger.ts'
import { renderAccount } from './render.ts'
import { AccountSchema } from './schema.ts'
import type { AccountStore } from './store.ts'

export interface AccountAdminRoutesDependencies {
  ledger: Pick<LedgerEngine, 'changeAccount'>
  accounts: Pick<AccountStore, 'find'>
}

const params = Type.Object({ id: idSchema('acct') })

const faults = ['unavailable', 'shutting_down', 'outcome_unknown'] as const

const OverdraftLimitSchema = named(
  'OverdraftLimit',
  Type.Object(
    {
      overdraft_limit: Type.Integer({
        minimum: 0,
        maximum: MINOR_MAX,
        description: 'How far below zero the account may go, in minor units',
        examples: [50_000],
      }),
    },
    { additionalProperties: false },
  ),
)

export function createAccountAdminRoutes({
  ledger,
  accounts,
}: AccountAdminRoutesDependencies): Routes {
  async function change(request: FastifyRequest, idText: string, wanted: AccountChange) {
    const accountId = present(decodeId('acct', idText), 'an id that fits its schema')
    const { userId: principalId } = request.principal
    const outcome = await ledger.changeAccount({
      principalId,
      authority: 'staff',
      accountId,
      change: wanted,
      requestId: request.id,
    })
    if (outcome.kind === 'refused') throw changeProblem(outcome.refusal)
    // All that changes is as it was under the lock, whatever has happened since.
    const { status, overdraftLimit, ledgerBalance, held, version } = outcome.account
    const account = present(await accounts.find(accountId), 'an account that was changed')
    const changed = { status, overdraftLimit, ledgerBalance: toMinor(ledgerBalance), held, version }
    return renderAccount({ ...account, ...changed })
  }

  return async (app) => {
    app.post(
      '/v1/accounts/:id/freeze',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'freezeAccount',
          tags: ['Administration'],
          summary: 'Freeze an account',
          description: 'For admins. A frozen account receives and does not pay.',
          params,
          response: {
            200: AccountSchema,
            ...problems('account_not_found', 'own_account', 'account_closed', ...faults),
          },
        },
      },
      (request) => change(request, request.params.id, { kind: 'freeze' }),
    )

    app.post(
      '/v1/accounts/:id/unfreeze',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'unfreezeAccount',
          tags: ['Administration'],
          summary: 'Unfreeze an account',
          description: 'For admins. The account pays again.',
          params,
          response: {
            200: AccountSchema,
            ...problems('account_not_found', 'own_account', 'account_closed', ...faults),
          },
        },
      },
      (request) => change(request, request.params.id, { kind: 'unfreeze' }),
    )

    app.put(
      '/v1/accounts/:id/overdraft-limit',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'setOverdraftLimit',
          tags: ['Administration'],
          summary: 'Set how far an account may be overdrawn',
          description: 'For admins. 0 takes the overdraft away, once nothing of it is in use.',
          params,
          body: OverdraftLimitSchema,
          response: {
            200: AccountSchema,
            ...problems(
              'account_not_found',
              'own_account',
              'account_closed',
              'overdraft_in_use',
              'balance_out_of_range',
              ...faults,
            ),
          },
        },
      },
      async (request) => {
        const { overdraft_limit: overdraftLimit } = request.body
        const wanted = { kind: 'set_overdraft_limit', overdraftLimit } as const
        return await change(request, request.params.id, wanted)
      },
    )
  }
}

function changeProblem(refusal: ChangeAccountRefusal): ProblemError {
  if (refusal.code !== 'overdraft_in_use') return problem(refusal.code)
  const { minimum } = refusal
  return problem(refusal.code, {
    detail: `${minimum} minor units of the overdraft are in use.`,
    facts: { minimum },
  })
}
