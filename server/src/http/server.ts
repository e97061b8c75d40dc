/**
 * The HTTP server: Fastify with everything that is the same for all routes, so that a route file
 * says only what is its own.
 *
 * A request goes through: connection limits -> framing -> request id -> origin (CORS) -> load ->
 * bearer token -> role -> rate limit -> body (strict JSON) -> schema -> handler -> serializer. Whatever is thrown on
 * the way becomes one problem document (failures.ts), and when it is over, one record.
 *
 * Bounds: body 1 MiB but for routes that say else, headers 16 KiB and 100, path parameters 256 characters,
 * requests in flight and connections by `limits` (connections.ts).
 */
import cors from '@fastify/cors'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { addAuthentication, type AuthenticationDependencies } from './authentication.ts'
import {
  connectionLimitsDefault,
  createConnections,
  idleSeconds,
  type ConnectionLimits,
  type Connections,
} from './connections.ts'
import { createDocsPage } from './docs-page.ts'
import { watchEventLoop } from './event-loop.ts'
import { classifyFailure, sendProblem } from './failures.ts'
import { framingProblem, originForm } from './framing.ts'
import { commonHeaders, tlsHeaders } from './headers.ts'
import { createHealthRoutes, type Readiness } from './health.ts'
import { addIntegerQuery } from './integer-query.ts'
import { addJsonBody } from './json-body.ts'
import { addOpenApi, buildOpenApi } from './openapi.ts'
import { addOptionalBodies } from './optional-body.ts'
import { problem, type ProblemError } from './problem.ts'
import { createProblemPages } from './problem-pages.ts'
import { addQueryText } from './query-text.ts'
import { addRateLimits, type RateLimitDependencies } from './rate-limiting.ts'
import { createRequestIds } from './request-id.ts'
import { hiddenThingKey, problemCodeKey, recordOf, type RequestRecord } from './request-record.ts'
import type { Routes } from './route.ts'
import { collectRoutes, methodsOf, type RouteEntry } from './route-table.ts'
import { ProblemSchema } from './schema.ts'
import { addSharedSchemas, share } from './shared-schemas.ts'
import { validatorOptions } from './validation.ts'

export interface HttpServerOptions extends AuthenticationDependencies, RateLimitDependencies {
  routes: readonly Routes[]
  readiness: () => Promise<Readiness>
  /** Called once for each defect, with what was thrown. */
  onError: (error: unknown, requestId: string) => void
  /** Runs before all else of each request; what follows runs inside of `next`. */
  onRequest?: (request: FastifyRequest, reply: FastifyReply, next: () => void) => void
  /** Called once for each request, when it is over. */
  onRequestDone?: (record: RequestRecord) => void
  /** Origins of web pages that may call the API; none by default. */
  allowedOrigins?: readonly string[]
  /** Addresses or networks of proxies whose `X-Forwarded-*` is believed; none by default. */
  trustedProxies?: readonly string[]
  tls?: { cert: string; key: string }
  limits?: Partial<ConnectionLimits>
  /** How late the event loop may be before requests are refused as `overloaded`: event-loop.ts. */
  eventLoopDelayMaxMilliseconds?: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** For a defect of a part of the work, where the request as a whole still has its answer. */
    reportDefect(error: unknown): void
  }
}

export interface HttpServer {
  app: FastifyInstance
  /** All routes, for tables that must be complete. */
  routes: readonly RouteEntry[]
  /** The OpenAPI document. */
  openApi: Record<string, unknown>
  /** Resolves to the address in use, with the real port when 0 was asked for. */
  listen(address: { host: string; port: number }): Promise<string>
  /** Drains: see connections.ts. May be called more than once. */
  close(limitMilliseconds: number): Promise<void>
}

export const bodySizeMax = 1024 * 1024

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const createRequestId = createRequestIds()
  let connections: Connections | undefined
  const isDraining = () => connections?.isDraining() ?? false
  const limits = { ...connectionLimitsDefault, ...options.limits }
  const app = fastify({
    logger: false,
    bodyLimit: bodySizeMax,
    ajv: { customOptions: validatorOptions },
    genReqId: createRequestId,
    requestIdHeader: false,
    return503OnClosing: false,
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, request, reply) =>
      begin(request, reply, () => void answerFailure(error, request, reply)),
    clientErrorHandler: (error, socket) => connections?.refuseUnparsed(error, socket),
    serverFactory: (listener) => {
      connections = createConnections({ listener, limits, tls: options.tls, createRequestId })
      return connections.server
    },
  })

  function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply) {
    const failure = classifyFailure(error)
    if (failure.isDefect) options.onError(error, request.id)
    return sendProblem(request, reply, failure.problem)
  }

  const headers = { ...commonHeaders, ...(options.tls && tlsHeaders) }
  /** Where other requests may follow on the same connection. */
  const headersKeptOpen = { ...headers, 'keep-alive': `timeout=${idleSeconds(limits)}` }
  const { onRequest, onRequestDone } = options
  /** What happens to every request, also to one with a path that no router can read. */
  function begin(request: FastifyRequest, reply: FastifyReply, next: () => void) {
    const isKeptOpen = reply.raw.shouldKeepAlive
    void reply.headers(isKeptOpen ? headersKeptOpen : headers).header('request-id', request.id)
    if (onRequestDone) {
      const startedAt = performance.now()
      reply.raw.on('close', () => onRequestDone(recordOf(request, reply, startedAt)))
    }
    if (onRequest) onRequest(request, reply, next)
    else next()
  }

  app.decorateRequest(problemCodeKey, undefined)
  app.decorateRequest(hiddenThingKey, undefined)
  app.decorateRequest('reportDefect', function reportDefect(this: FastifyRequest, error) {
    options.onError(error, this.id)
  })
  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply, () => {
      const code = framingProblem(request.raw)
      // Where one request ends and the next begins is in doubt, so nothing more is processed.
      if (code) reply.raw.shouldKeepAlive = false
      done(code && problem(code))
    })
  })
  app.setErrorHandler(answerFailure)

  addSharedSchemas(app)
  const routes = collectRoutes(app)
  await addCors(app, options.allowedOrigins ?? [])
  const { eventLoopDelayMaxMilliseconds: delayMaxMilliseconds = 1_000 } = options
  const eventLoop = watchEventLoop({ delayMaxMilliseconds })
  app.addHook('onClose', async () => eventLoop.stop())
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) return done(notFound(routes, request))
    // Of a path with nothing where an id belongs (`/v1/accounts/`) the router makes an empty one.
    if (emptyPart.test(request.url) && hasEmptyPart(request.params)) {
      return done(problem('route_not_found'))
    }
    const isTooMuch = connections?.isFull() || eventLoop.isOverloaded()
    const isShed = isTooMuch && request.routeOptions.config.isShedding !== false
    done(isShed ? problem('overloaded') : undefined)
  })
  addRateLimits(app, options, (limitFailure) => addAuthentication(app, options, limitFailure))
  addJsonBody(app)
  addOptionalBodies(app)
  addIntegerQuery(app)
  addQueryText(app)
  share(app, ProblemSchema)
  await addOpenApi(app)

  let openApiText = ''
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, (_, reply) =>
    reply.type('application/json; charset=utf-8').send(openApiText),
  )
  const own = [
    createHealthRoutes({ readiness: options.readiness, isDraining }),
    createProblemPages(),
    createDocsPage(),
  ]
  for (const plugin of [...options.routes, ...own]) await app.register(plugin)
  await app.ready()
  const openApi = buildOpenApi(app, routes)
  openApiText = JSON.stringify(openApi)

  let closing: Promise<void> | undefined
  return {
    app,
    routes,
    openApi,
    listen: (address) => app.listen(address),
    close: (limitMilliseconds) => {
      closing ??= (connections?.drain(limitMilliseconds) ?? Promise.resolve()).then(() =>
        app.close(),
      )
      return closing
    },
  }
}

// Thrown before the body is read: what is wrong with a body matters only where there is a route.
function notFound(routes: readonly RouteEntry[], request: FastifyRequest): ProblemError {
  const [path = ''] = request.url.split('?', 1)
  const methods = methodsOf(routes, path)
  if (methods.length === 0) return problem('route_not_found')
  return problem('method_not_allowed', { headers: { allow: methods.join(', ') } })
}

/** A first look that is cheap: a query may have it too. */
const emptyPart = /\/(?:[/?]|$)/

function hasEmptyPart(params: unknown): boolean {
  return typeof params === 'object' && params !== null && Object.values(params).includes('')
}

async function addCors(app: FastifyInstance, allowedOrigins: readonly string[]): Promise<void> {
  if (allowedOrigins.length === 0) return
  await app.register(cors, {
    origin: [...allowedOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'request-id',
      'traceparent',
    ],
    exposedHeaders: [
      'request-id',
      'idempotency-replayed',
      'retry-after',
      'RateLimit',
      'RateLimit-Policy',
    ],
    maxAge: 600,
    strictPreflight: false,
  })
}
