/**
 * One record for each request when it is over, also when the client went away: what logs and metrics are made
 * of. It holds no header, no query and no body, so there is nothing secret in it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Uuid } from '../kernel/ids.ts'
import { principalIdOf } from './authentication.ts'
import type { HiddenThing } from './problem.ts'
import type { ProblemCode } from './problem-catalog.ts'

export interface RequestRecord {
  requestId: string
  /** Of the W3C `traceparent` header, where the client sent a valid one. */
  traceId: string | undefined
  method: string
  /** The pattern of the route (`/v1/accounts/:id`), or `undefined` where there is none. */
  route: string | undefined
  /** As sent, without the query, cut to 200 characters. */
  path: string
  status: number
  /** Set for every 4xx and 5xx answer, and by `noteRefusal`. */
  problemCode: ProblemCode | undefined
  /** Somebody else's thing that was asked for, where the answer was that there is none. */
  hiddenThing: HiddenThing | undefined
  durationMilliseconds: number
  userId: Uuid | undefined
  remoteAddress: string
  /** False when the client was gone before it had the whole answer. */
  isAnswered: boolean
}

const problemCodeKey = Symbol('problemCode')
const hiddenThingKey = Symbol('hiddenThing')

declare module 'fastify' {
  interface FastifyRequest {
    [problemCodeKey]: ProblemCode | undefined
    [hiddenThingKey]: HiddenThing | undefined
  }
}

export { hiddenThingKey, problemCodeKey }

/** Notes what was refused inside of a request that is answered as a whole: no status says so. */
export function noteRefusal(
  request: FastifyRequest,
  code: ProblemCode,
  hidden: HiddenThing | undefined,
): void {
  request[problemCodeKey] = code
  request[hiddenThingKey] = hidden
}

/** `startedAt`, of performance.now(): Fastify's own `elapsedTime` is 0 without an onResponse hook. */
export function recordOf(
  request: FastifyRequest,
  reply: FastifyReply,
  startedAt: number,
): RequestRecord {
  return {
    requestId: request.id,
    traceId: traceIdOf(request.headers['traceparent']),
    method: request.method,
    route: request.is404 ? undefined : request.routeOptions.url,
    path: pathOf(request.url),
    status: reply.statusCode,
    problemCode: request[problemCodeKey],
    hiddenThing: request[hiddenThingKey],
    durationMilliseconds: performance.now() - startedAt,
    userId: principalIdOf(request),
    remoteAddress: request.ip,
    isAnswered: reply.raw.writableFinished,
  }
}

function pathOf(url: string): string {
  const end = url.indexOf('?')
  return url.slice(0, Math.min(end < 0 ? url.length : end, 200))
}

const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/

/** The trace id of a `traceparent` header (W3C Trace Context, section 3.2). */
export function traceIdOf(header: unknown): string | undefined {
  return typeof header === 'string' ? traceparent.exec(header)?.[1] : undefined
}
