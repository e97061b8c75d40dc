/**
 * What is told of each request: a span, a duration, and one line in the log when its answer is out,
 * so that the lines stand in the order of completion. All of it together costs about 5 us.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Tracer } from '@opentelemetry/api'
import { principalIdOf } from '../http/authentication.ts'
import { encodeId } from '../kernel/ids.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { startRequestSpan, traceIdOf, type Span } from './tracing.ts'

export interface RequestTelemetryDependencies {
  logger: Logger
  metrics: Metrics
  tracer: Tracer
}

/** Probes come every few seconds and say nothing when all is well. */
const quietRoutes: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** What proxies log, and no server sends, when the client went away before it had its answer. */
const clientClosedRequest = 499

/** Adds the hook; before any route, so that it holds for all of them. */
export function addRequestTelemetry(
  app: FastifyInstance,
  { logger, metrics, tracer }: RequestTelemetryDependencies,
): void {
  const durations = metrics.histogram('tallystick_http_request_duration_seconds')
  const inFlight = metrics.gauge('tallystick_http_requests_in_flight')

  app.addHook('onRequest', (request, reply, done) => {
    inFlight.inc()
    const name = `${request.method} ${routeOf(request)}`
    startRequestSpan(tracer, name, request.headers, (span) => {
      // Not the onResponse hook: it is silent about a request whose client went away.
      reply.raw.once('close', () => tell(request, reply, span))
      done()
    })
  })

  function tell(request: FastifyRequest, reply: FastifyReply, span: Span): void {
    inFlight.dec()
    const milliseconds = reply.elapsedTime
    const { method } = request
    const route = routeOf(request)
    const status = reply.raw.writableFinished ? reply.statusCode : clientClosedRequest
    durations.observe({ method, route, status: String(status) }, milliseconds / 1000)
    const userId = principalIdOf(request)
    logger[levelOf(route, status)](
      {
        request_id: request.id,
        trace_id: traceIdOf(span, request.headers),
        method,
        route,
        status,
        duration_ms: Math.round(milliseconds * 1000) / 1000,
        user_id: userId === undefined ? undefined : encodeId('user', userId),
      },
      'request',
    )
    span.setAttribute('http.response.status_code', status).end()
  }
}

function levelOf(route: string, status: number): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn'
  return quietRoutes.has(route) ? 'debug' : 'info'
}

/** The pattern of the route; what matches none is one thing, so that paths never become labels. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}
