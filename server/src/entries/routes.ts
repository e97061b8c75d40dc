/**
 * What happened on an account, with running balances. The owner reads it, and auditors; for all
 * others, other staff among them, the account is as if it were not there.
 */
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { seqPosition, toList } from '../http/list.ts'
import { MomentQuerySchema, readMoments } from '../http/moments.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, oneOf, pageQuery, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeId, encodeId } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { EntrySchema } from './schema.ts'
import type { Entry, EntryStore } from './store.ts'

export interface EntryRoutesDependencies {
  ledger: LedgerEngine
  entries: Pick<EntryStore, 'list' | 'firstSeqSince'>
}

export function createEntryRoutes({ ledger, entries }: EntryRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/v1/accounts/:id/entries',
      {
        config: { scope: 'accounts:read' },
        schema: {
          operationId: 'listEntries',
          tags: ['Accounts'],
          summary: 'List the entries of an account',
          description:
            'Newest first, or oldest first with `order=asc`, each with the balance after it. `from` (inclusive) and `to` (exclusive) bound the time. The owner reads them, and auditors.',
          params: Type.Object({ id: idSchema('acct') }),
          querystring: Type.Object(
            {
              from: Type.Optional(MomentQuerySchema),
              to: Type.Optional(MomentQuerySchema),
              order: Type.Optional(
                oneOf(['asc', 'desc'], { description: '`desc` (the default): newest first' }),
              ),
              ...pageQuery,
            },
            { additionalProperties: false },
          ),
          response: {
            200: listOf(EntrySchema),
            ...problems('invalid_cursor', 'account_not_found', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { from, to } = readMoments(request.query)
        const accountId = present(decodeId('acct', request.params.id), 'an id that fits its schema')
        const { userId } = request.principal
        const account = await ledger.account(accountId)
        // Accounts of the bank itself have no owner, and balances that outgrow this answer.
        if (!account || account.ownerId === null) throw problem('account_not_found')
        if (account.ownerId !== userId && !(await request.roles()).has('auditor')) {
          throw problem('account_not_found', { hidden: { prefix: 'acct', id: accountId } })
        }
        const { order = 'desc' } = request.query
        const list = JSON.stringify(['entries', accountId, from, to, order])
        const scope = { list, userId }
        const { limit, after } = parsePage(request.query, scope)
        const position = seqPosition(after)
        // A cursor stands in for the bound at which the list began.
        const [above, below] = order === 'asc' ? [position, undefined] : [undefined, position]
        const firstSince = async (time: Date | undefined) =>
          time && (await entries.firstSeqSince(accountId, time))
        const rows = await entries.list({
          accountId,
          normalSide: account.normalSide,
          seqMin: above === undefined ? await firstSince(from) : above + 1,
          seqBefore: below ?? (await firstSince(to)),
          order,
          limit: limit + 1,
        })
        return toList({
          rows,
          limit,
          scope,
          position: ({ seq }) => String(seq),
          render: renderEntry,
        })
      },
    )
  }
}

function renderEntry(entry: Entry): Static<typeof EntrySchema> {
  return {
    seq: entry.seq,
    transfer_id: encodeId('xfer', entry.transferId),
    amount: entry.amount,
    balance_after: toMinor(entry.balanceAfter),
    counterparty: {
      account_id: encodeId('acct', entry.counterpartyAccountId),
      display_name: entry.counterpartyName,
    },
    description: entry.description,
    reference: entry.reference,
    created_at: entry.createdAt.toISOString(),
  }
}
