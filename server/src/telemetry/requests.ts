/**
 * What is told of each request: a span, a duration, and one line in the log when it is over, so that
 * the lines stand in the order of completion.
 */
import type { Tracer } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestRecord } from '../http/request-record.ts'
import { encodeId } from '../kernel/ids.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { isRecorded, startRequestSpan, traceparentOf } from './tracing.ts'

export interface RequestTelemetryDependencies {
  logger: Logger
  metrics: Metrics
  tracer: Tracer
}

export interface RequestTelemetry {
  /** The first hook of every request; everything that comes after runs inside its span. */
  onRequest(request: FastifyRequest, reply: FastifyReply, next: () => void): void
  onRequestDone(record: RequestRecord): void
}

/** Probes come every few seconds and say nothing when all is well. */
const quietRoutes: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** What proxies log, and no server sends, when the client went away before it had its answer. */
const clientClosedRequest = 499

export function createRequestTelemetry({
  logger,
  metrics,
  tracer,
}: RequestTelemetryDependencies): RequestTelemetry {
  const durations = metrics.histogram('tallystick_http_request_duration_seconds')
  const inFlight = metrics.gauge('tallystick_http_requests_in_flight')
  const problems = metrics.counter('tallystick_http_problems_total')

  return {
    onRequest(request, reply, next) {
      inFlight.inc()
      if (!isRecorded(tracer)) return next()
      const route = request.routeOptions.url ?? unmatched
      startRequestSpan(tracer, `${request.method} ${route}`, request.headers, (span) => {
        if (span.isRecording()) {
          // The log takes the trace id from here, also where the client sent none.
          request.headers['traceparent'] = traceparentOf(span)
          reply.raw.once('close', () => {
            span.setAttribute('http.route', route)
            span.setAttribute('http.response.status_code', reply.statusCode).end()
          })
        }
        next()
      })
    },

    onRequestDone(record) {
      inFlight.dec()
      const { method, route = unmatched, durationMilliseconds, userId, problemCode } = record
      const status = record.isAnswered ? record.status : clientClosedRequest
      durations.observe({ method, route, status: String(status) }, durationMilliseconds / 1000)
      if (problemCode !== undefined) problems.inc({ code: problemCode })
      const level = levelOf(route, status)
      if (!logger.isLevelEnabled(level)) return
      logger[level](
        {
          request_id: record.requestId,
          trace_id: record.traceId,
          method,
          route,
          status,
          code: problemCode,
          duration_ms: Math.round(durationMilliseconds * 1000) / 1000,
          user_id: userId === undefined ? undefined : encodeId('user', userId),
          remote_address: record.remoteAddress,
        },
        'request',
      )
    },
  }
}

/** What matches no route is one thing, so that paths never become labels. */
const unmatched = 'none'

function levelOf(route: string, status: number): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn'
  return quietRoutes.has(route) ? 'debug' : 'info'
}
