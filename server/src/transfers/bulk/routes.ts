/**
 * Bulk: many transfers in one request, each with an outcome of its own, as if they had been sent one
 * by one; or, atomic, a group that is posted all or none.
 *
 * The body is read off the event loop (bulk-reader.ts) and wholly found good before the first transfer
 * is posted; then it is fed to the ledger a window at a time (feeder.ts), and each slice is rendered
 * when it is answered. The envelope has no outcome of its own: sent again under the same keys, the
 * transfers that have theirs give them again, and only the others are posted. A client that goes away
 * stops nothing.
 *
 * Bounds: 8 MiB, 8,000 transfers (100 when atomic), bulks at one time (bulk-gate.ts), and a time until
 * the last transfer is begun (post-each.ts).
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { dryRunQuery, isDryRun } from '../../http/dry-run.ts'
import { idempotencyKey } from '../../http/idempotency.ts'
import { acceptBodyBytes, addJsonBytes } from '../../http/json-body.ts'
import { problem } from '../../http/problem.ts'
import { markReplayed } from '../../http/replay.ts'
import { noteRefusal } from '../../http/request-record.ts'
import type { Routes } from '../../http/route.ts'
import { problems } from '../../http/schema.ts'
import type { Currency } from '../../kernel/currency.ts'
import type { LedgerEngine } from '../../ledger/ledger.ts'
import { createBulkGate } from './bulk-gate.ts'
import { createBulkReader } from './bulk-reader.ts'
import type { BulkWork, PostedBulk } from './bulk-work.ts'
import { postEach } from './post-each.ts'
import { postGroup } from './post-group.ts'
import { joinOutcomes } from './render-bulk.ts'
import { BulkOutcomesSchema, CreateBulkTransfersSchema } from './schema.ts'
import { createWindow } from './window.ts'

export const bulkBodySizeMax = 8 * 1024 * 1024

/**
 * Transfers of all bulks that are under way in the ledger at one time. What others send waits for
 * those before it on its account, so this many at the rate of the ledger are what it waits at most;
 * and they are two batches of 64, so that the ledger never waits for them. With 256, others waited
 * twice as long for 5 % more transfers of bulks a second.
 */
export const bulkWindowSize = 128

export interface BulkRoutesDependencies {
  ledger: LedgerEngine
  currencies: readonly Currency[]
}

/** The transfer as the server shares it among its routes; one object, by which it is compiled once. */
const transferReference = { $ref: 'Transfer#' }

declare module 'fastify' {
  interface FastifyRequest {
    /** Whatever goes on for this request, also when its client has gone. */
    bulkWork: Promise<unknown> | null
  }
}

export function createBulkRoutes({ ledger, currencies }: BulkRoutesDependencies): Routes {
  const gate = createBulkGate()
  const window = createWindow(bulkWindowSize)
  const reader = createBulkReader(currencies.map(({ code }) => code))

  /** Has a place for the request until it is answered and its work is over. */
  function enter(request: FastifyRequest, reply: FastifyReply): void {
    const leave = gate.enter(request.principal.userId)
    if (leave === undefined) throw problem('overloaded')
    reply.raw.once('close', () => {
      void Promise.resolve(request.bulkWork).then(leave, leave)
    })
  }

  async function readAndPost(
    request: FastifyRequest,
    reply: FastifyReply,
    isDry: boolean,
  ): Promise<PostedBulk> {
    const key = idempotencyKey(request)
    const body: unknown = request.body
    const source = await reader.read(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
    if ('refusal' in source) throw problem(source.refusal.code, source.refusal.options)
    const work: BulkWork = {
      ledger,
      principalId: request.principal.userId,
      requestId: request.id,
      key,
      isDryRun: isDry,
      source,
      window,
      isClosed: () => gate.isClosed(),
      reportDefect: (error) => request.reportDefect(error),
      serializeTransfer: reply.compileSerializationSchema(transferReference),
    }
    try {
      return await (source.isAtomic ? postGroup : postEach)(work)
    } finally {
      source.close()
    }
  }

  return async (app) => {
    app.decorateRequest('bulkWork', null)
    app.addHook('onClose', async () => {
      await gate.close()
      await reader.stop()
    })
    addJsonBytes(app, bulkBodySizeMax)

    app.post(
      '/v1/transfers/bulk',
      {
        config: { idempotencyKey: 'required', scope: 'transfers:write' },
        schema: {
          operationId: 'createBulkTransfers',
          tags: ['Transfers'],
          summary: 'Make many transfers at once',
          description,
          body: CreateBulkTransfersSchema,
          querystring: dryRunQuery,
          response: {
            200: Type.Unsafe<Buffer>(BulkOutcomesSchema),
            ...problems(
              'idempotency_key_missing',
              'idempotency_key_invalid',
              'currency_not_supported',
              'idempotency_key_reused',
              'group_failed',
              'unavailable',
              'shutting_down',
              'outcome_unknown',
            ),
          },
        },
        validatorCompiler: acceptBodyBytes,
        onRequest: async (request, reply) => enter(request, reply),
      },
      async (request, reply) => {
        const posting = readAndPost(request, reply, isDryRun(request))
        // From here on, since its client may go away while the body is still being read.
        request.bulkWork = posting.catch(() => {})
        const { slices, isReplay, refusal, hidden } = await posting
        if (isReplay) markReplayed(reply)
        if (refusal) throw refusal
        if (hidden) noteRefusal(request, 'account_not_found', hidden)
        return reply
          .type('application/json; charset=utf-8')
          .send(joinOutcomes(slices, isDryRun(request)))
      },
    )
  }
}

const description = [
  'Up to 8,000 transfers, in a body of up to 8 MiB. Each is posted or refused on its own, as if it had been sent alone; those on one account are decided in their order.',
  'A transfer that brings an `idempotency_key` has that one, as a single request would have it in its header; the key of another is the `Idempotency-Key` of the request together with its index. Send the whole request again to find out about all of them: what has its outcome gives it again, and the rest is posted.',
  'With `atomic` up to 100 transfers are posted as one group, all or none, each on what those before it leave behind. When one is refused the answer is `group_failed`, and `errors` points at it.',
  'When anything about the form of the body is wrong, nothing is posted at all.',
].join('\n\n')
