/**
 * What admins change about customers' accounts: whether they pay, how far they may be overdrawn, and
 * how much may leave them. The ledger decides, under the account's lock, and keeps the row of the
 * audit trail.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Routes } from '../http/route.ts'
import { idSchema, named, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeId } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import type { AccountChange } from '../ledger/ledger.ts'
import { createAccountChange, type AccountChangeDependencies } from './change.ts'
import { AccountLimitsSchema, AccountSchema } from './schema.ts'

const params = Type.Object({ id: idSchema('acct') })

const faults = ['unavailable', 'overloaded', 'shutting_down', 'outcome_unknown'] as const

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

export function createAccountAdminRoutes({ ledger, accounts }: AccountChangeDependencies): Routes {
  const changeAccount = createAccountChange({ ledger, accounts })

  async function change(request: FastifyRequest, idText: string, wanted: AccountChange) {
    const accountId = present(decodeId('acct', idText), 'an id that fits its schema')
    return await changeAccount(request, accountId, 'staff', wanted)
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

    app.put(
      '/v1/accounts/:id/limits',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'setAccountLimits',
          tags: ['Administration'],
          summary: 'Set how much may leave an account at once and in a day',
          description:
            'For admins. Both are limits on what the owner moves: transfers, and holds when they are placed. A limit for a day counts what left on the present day already, and is free again when the next day begins in the time zone of the bank. Deposits, withdrawals and reversals are not held to them.',
          params,
          body: AccountLimitsSchema,
          response: {
            200: AccountSchema,
            ...problems('account_not_found', 'own_account', 'account_closed', ...faults),
          },
        },
      },
      async (request) => {
        const { per_transfer: transferLimit, per_day: dailyLimit } = request.body
        const wanted = { kind: 'set_limits', transferLimit, dailyLimit } as const
        return await change(request, request.params.id, wanted)
      },
    )
  }
}
