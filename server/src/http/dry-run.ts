/**
 * `?dry_run=true`: what a request would be answered, without doing it. A route that moves or reserves
 * money has `dryRunQuery` as its querystring and hands `isDryRun(request)` to the ledger.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'

export const dryRunQuery = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({
        description:
          'Decide and do nothing: the answer is that of the real request, as 200 with `dry_run` and a `preview` of the balances, or its refusal. The idempotency key is not used up; one that has its outcome gives it. The ids and times in the answer mean nothing',
      }),
    ),
  },
  { additionalProperties: false },
)

/** True where the request's query, which its schema has let through, says so. */
export function isDryRun({ query }: Pick<FastifyRequest, 'query'>): boolean {
  if (typeof query !== 'object' || query === null) return false
  return 'dry_run' in query && query.dry_run === true
}
