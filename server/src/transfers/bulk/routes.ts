/**
 * Bulk: many transfers in one request, each with an outcome of its own, as if they had been sent one
 * by one; or, atomic, a group that is posted all or none.
 *
 * The body is read off the event loop (bulk-reader.ts) and wholly found good before the first transfer
 * is posted; then it is fed to the ledger a window at a time (feeder.ts), and each slice is rendered
 * when it is answered. The envelope has no outcome of its own: sent again under the same keys, the
 * transfers that have theirs give them again, and only the others are posted. A client that goes away
 * stops nothing but a dry run.
 *
 * Bounds: 8 MiB, 8,000 transfers (100 when atomic), bulks and their bytes at one time (bulk-gate.ts),
 * and a time until the last transfer is begun (post-each.ts). Bodies that are small enough to be read
 * at once are bounded as single transfers are.
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
import { createBulkGate, type BulkGateLimits, type BulkPlace } from './bulk-gate.ts'
import { createBulkReader, inlineBytesMax } from './bulk-reader.ts'
import type { BulkWork, PostedBulk } from './bulk-work.ts'
import { postEach } from './post-each.ts'
import { postGroup } from './post-group.ts'
import type { Presence } from './presence.ts'
import { joinOutcomes } from './render-bulk.ts'
import { BulkOutcomesSchema, CreateBulkTransfersSchema } from './schema.ts'
import { createWindow } from './window.ts'

const mebibyte = 1024 * 1024

export const bulkBodySizeMax = 8 * mebibyte

/** Three of full size at a time, and two of one user, so that another's finds its place. */
export const bulkGateLimits: BulkGateLimits = {
  bulksMax: 16,
  bulksOfUserMax: 8,
  bytesMax: 24 * mebibyte,
  bytesOfUserMax: 16 * mebibyte,
  smallBytesMax: inlineBytesMax,
}

/**
 * Transfers of all bulks that are under way in the ledger at one time.
 *
 * `beside` others who move money: what they send waits for the batch in flight and for those before
 * it on its account, so it is one small batch. `alone`: two of the largest, so that one is formed and
 * answered while the other is in the database. `npm run bench -- --only bulk,beside` measures both.
 */
export const bulkWindow = { beside: 64, alone: 512 } as const

export interface BulkRoutesDependencies {
  ledger: LedgerEngine
  currencies: readonly Currency[]
  /** Of others than bulks. */
  presence: Presence
}

/** The transfer as the server shares it among its routes; one object, by which it is compiled once. */
const transferReference = { $ref: 'Transfer#' }

declare module 'fastify' {
  interface FastifyRequest {
    /** Whatever goes on for this request, also when its client has gone. */
    bulkWork: Promise<unknown> | null
    bulkPlace: BulkPlace | null
    /** Nobody is there any more for its answer. */
    hasClientGone: boolean
  }
}

export function createBulkRoutes(dependencies: BulkRoutesDependencies): Routes {
  const { ledger, currencies, presence } = dependencies
  const gate = createBulkGate(bulkGateLimits)
  const window = createWindow(() => (presence.isFelt() ? bulkWindow.beside : bulkWindow.alone))
  const reader = createBulkReader(currencies.map(({ code }) => code))

  /** Has a place for the request until it is answered and its work is over. */
  function enter(request: FastifyRequest, reply: FastifyReply): void {
    const place = gate.enter(request.principal.userId, bodySizeOf(request))
    if (place === undefined) throw problem('overloaded')
    request.bulkPlace = place
    reply.raw.once('close', () => {
      request.hasClientGone = true
      // It never rejects.
      void Promise.resolve(request.bulkWork).then(place.leave)
    })
  }

  async function readAndPost(
    request: FastifyRequest,
    reply: FastifyReply,
    isDry: boolean,
  ): Promise<PostedBulk> {
    const key = idempotencyKey(request)
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    request.bulkPlace?.shrink(body.length)
    const source = await reader.read(body)
    if ('refusal' in source) throw problem(source.refusal.code, source.refusal.options)
    const work: BulkWork = {
      ledger,
      principalId: request.principal.userId,
      requestId: request.id,
      key,
      isDryRun: isDry,
      source,
      window: window.of(request.principal.userId),
      isClosed: () => gate.isClosed(),
      isAbandoned: () => isDry && request.hasClientGone,
      reportDefect: (error) => request.reportDefect(error),
      serializeTransfer: reply.compileSerializationSchema(transferReference),
    }
    // A group is as urgent as a single transfer.
    if (source.isAtomic) presence.note()
    try {
      return await (source.isAtomic ? postGroup : postEach)(work)
    } finally {
      source.close()
    }
  }

  return async (app) => {
    app.decorateRequest('bulkWork', null)
    app.decorateRequest('bulkPlace', null)
    app.decorateRequest('hasClientGone', false)
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

/** What its client says of the size of a body, or what it may be at most where it does not say. */
function bodySizeOf({ headers }: FastifyRequest): number {
  const length = Number(headers['content-length'])
  return length <= bulkBodySizeMax ? length : bulkBodySizeMax
}

const description = [
  'Up to 8,000 transfers, in a body of up to 8 MiB; a client that is still writing past the limit may see the connection end in place of the 413. Each is posted or refused on its own, as if it had been sent alone; those on one account are decided in their order.',
  'A transfer that brings an `idempotency_key` has that one, as a single request would have it in its header; the key of another is the `Idempotency-Key` of the request together with its index. Send the whole request again to find out about all of them: what has its outcome gives it again, and the rest is posted. When all of them had theirs the answer is marked as replayed; an item that is refused as `idempotency_key_reused` is never stored, so a bulk with such an item never is.',
  'With `atomic` up to 100 transfers are posted as one group, all or none, each on what those before it leave behind. When one is refused the answer is `group_failed`, and `errors` points at it.',
  'When anything about the form of the body is wrong, nothing is posted at all.',
  'A server takes 16 bulks of more than 32 KiB at a time with 24 MiB in sum, and of one user 8 with 16 MiB; another one is answered `overloaded`. A body without a `content-length` counts as 8 MiB until all of it has come. A client that goes away ends a dry run; postings go on.',
].join('\n\n')
