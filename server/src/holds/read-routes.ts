/**
 * How holds stand: for the owner of the account that they are on, and for staff. The receiver sees
 * the capture, which is a transfer.
 */
import { Type } from 'typebox'
import { toList } from '../http/list.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import { isStaff } from '../http/roles.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, encodeId } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { accountIdOf, requireReadableAccount } from '../transfers/transfers.ts'
import { renderHold } from './render.ts'
import { HoldSchema, HoldStateSchema } from './schema.ts'
import type { HoldStore } from './store.ts'

export interface HoldReadRoutesDependencies {
  ledger: Pick<LedgerEngine, 'account'>
  holds: HoldStore
}

export function createHoldReadRoutes({ ledger, holds }: HoldReadRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/v1/holds',
      {
        config: { scope: 'holds:read' },
        schema: {
          operationId: 'listHolds',
          tags: ['Holds'],
          summary: 'List holds on an account',
          description:
            'Newest first. Customers name an account of theirs with `account_id`; staff may leave it out.',
          querystring: Type.Object(
            {
              account_id: Type.Optional(idSchema('acct', 'That the money is held on')),
              state: Type.Optional(HoldStateSchema),
              ...pageQuery,
            },
            { additionalProperties: false },
          ),
          response: {
            200: listOf(HoldSchema),
            ...problems('invalid_cursor', 'account_not_found', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { account_id, state } = request.query
        const { userId } = request.principal
        const accountId = account_id === undefined ? undefined : accountIdOf(account_id)
        await requireReadableAccount({ ledger, request, accountId, things: 'holds' })
        const scope = { list: JSON.stringify(['holds', accountId, state]), userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('hold', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await holds.list({ accountId, state, before, limit: limit + 1 })
        return toList({
          rows,
          limit,
          scope,
          position: ({ id }) => encodeId('hold', id),
          render: renderHold,
        })
      },
    )

    app.get(
      '/v1/holds/:id',
      {
        config: { scope: 'holds:read' },
        schema: {
          operationId: 'getHold',
          tags: ['Holds'],
          summary: 'Read how a hold stands',
          description: 'The owner of the account that the money is held on reads it, and staff.',
          params: Type.Object({ id: idSchema('hold') }),
          response: { 200: HoldSchema, ...problems('hold_not_found', 'unavailable') },
        },
      },
      async (request) => {
        const id = present(decodeId('hold', request.params.id), 'an id that fits its schema')
        const hold = await holds.find(id)
        const isReadable =
          hold?.ownerId === request.principal.userId || isStaff(await request.roles())
        if (!hold || !isReadable) {
          throw problem('hold_not_found', { hidden: hold && { prefix: 'hold', id } })
        }
        return renderHold(hold)
      },
    )
  }
}
