/** What owners change about their own accounts. Somebody else's account is as one that there is not. */
import { Type } from 'typebox'
import { problem } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, problems } from '../http/schema.ts'
import { requireCleanText } from '../http/text.ts'
import { present } from '../kernel/assert.ts'
import { decodeId } from '../kernel/ids.ts'
import type { AccountNames } from '../ledger/ledger.ts'
import { renderAccount } from './render.ts'
import { accountNameCodePointsMax, AccountSchema, RenameAccountSchema } from './schema.ts'
import type { AccountStore } from './store.ts'

export interface AccountOwnerRoutesDependencies {
  names: AccountNames
  accounts: Pick<AccountStore, 'find'>
}

export function createAccountOwnerRoutes({
  names,
  accounts,
}: AccountOwnerRoutesDependencies): Routes {
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
  }
}
