/**
 * What owners change about their own accounts. Somebody else's account is as one that there is not,
 * but for admins, who close accounts too.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problem } from '../http/problem.ts'
import { isStaff } from '../http/roles.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, problems } from '../http/schema.ts'
import { requireCleanText } from '../http/text.ts'
import { present } from '../kernel/assert.ts'
import { decodeId } from '../kernel/ids.ts'
import type { AccountNames } from '../ledger/ledger.ts'
import { createAccountChange, type AccountChangeDependencies } from './change.ts'
import { renderAccount } from './render.ts'
import { accountNameCodePointsMax, AccountSchema, RenameAccountSchema } from './schema.ts'
import type { Account } from './store.ts'

export interface AccountOwnerRoutesDependencies extends AccountChangeDependencies {
  names: AccountNames
}

export function createAccountOwnerRoutes({
  ledger,
  names,
  accounts,
}: AccountOwnerRoutesDependencies): Routes {
  const changeAccount = createAccountChange({ ledger, accounts })
  return async (app) => {
    app.patch(
      '/v1/accounts/:id',
      {
        config: { scope: 'accounts:write' },
        schema: {
          operationId: 'renameAccount',
          tags: ['Accounts'],
          summary: 'Name an account of yours',
          description: 'For its owner. `null` takes the name away.',
          params: Type.Object({ id: idSchema('acct') }),
          body: RenameAccountSchema,
          response: { 200: AccountSchema, ...problems('account_not_found', 'unavailable') },
        },
      },
      async (request) => {
        const id = present(decodeId('acct', request.params.id), 'an id that fits its schema')
        const { name } = request.body
        const codePointsMax = accountNameCodePointsMax
        requireCleanText({ pointer: '/name', value: name ?? undefined, codePointsMax })
        const isOwn = await names.rename(id, request.principal.userId, name)
        const account = await accounts.find(id)
        if (!isOwn || !account) {
          throw problem('account_not_found', { hidden: account && { prefix: 'acct', id } })
        }
        return renderAccount(account)
      },
    )

    app.post(
      '/v1/accounts/:id/close',
      {
        config: { scope: 'accounts:write' },
        schema: {
          operationId: 'closeAccount',
          tags: ['Accounts'],
          summary: 'Close an account for good',
          description:
            'For its owner, and for admins with an access token. Only an account with nothing on it and nothing held is closed; it then neither pays nor receives, and is never opened again. Closing it twice is closing it once. A frozen account is closed by admins only.',
          params: Type.Object({ id: idSchema('acct') }),
          response: {
            200: AccountSchema,
            ...problems(
              'account_not_found',
              'role_required',
              'account_not_empty',
              'account_has_holds',
              'account_frozen',
              'unavailable',
              'overloaded',
              'shutting_down',
              'outcome_unknown',
            ),
          },
        },
      },
      async (request) => {
        const id = present(decodeId('acct', request.params.id), 'an id that fits its schema')
        const account = await accounts.find(id)
        const authority = await closingAuthority(request, account)
        return await changeAccount(request, id, authority, { kind: 'close' })
      },
    )
  }
}

/** On whose say-so the caller closes it; throws where they may not. */
async function closingAuthority(
  request: FastifyRequest,
  account: Account | undefined,
): Promise<'owner' | 'staff'> {
  const { userId, credential } = request.principal
  if (account?.ownerId === userId) return 'owner'
  const roles = await request.roles()
  if (!account || !isStaff(roles)) {
    throw problem('account_not_found', { hidden: account && { prefix: 'acct', id: account.id } })
  }
  if (!roles.has('admin')) throw problem('role_required', { facts: { roles: ['admin'] } })
  // What staff do, they do themselves.
  if (credential.kind === 'api_key') throw problem('scope_required', { facts: { scope: null } })
  return 'staff'
}
