import { connect } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import type { Routes } from '../http/route.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { encodeId } from '../kernel/ids.ts'
import { createLogger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createRequestTelemetry } from './requests.ts'
import { createTracer } from './tracing.ts'

const userId = '01890a5d-ac96-774b-bcce-b302099a8057'
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

let lines: unknown[]
let lineWritten: PromiseWithResolvers<void>
let slowReached: PromiseWithResolvers<void>
let metrics: Metrics
let server: HttpServer
let baseUrl: string

const routes: Routes = async (app) => {
  const summary = 'for this test'
  const schemaOf = (operationId: string) => ({ operationId, tags: ['Test'], summary })
  app.get('/v1/things/:id', { schema: schemaOf('getThing') }, async () => ({ ok: true }))
  app.get('/slow', { config: { access: 'public' }, schema: schemaOf('slow') }, async () => {
    slowReached.resolve()
    await lineWritten.promise
    return { ok: true }
  })
}

// A real connection: an injected request has no end of its own.
beforeEach(async () => {
  lines = []
  lineWritten = Promise.withResolvers()
  slowReached = Promise.withResolvers()
  const destination = {
    write(chunk: string) {
      lines.push(JSON.parse(chunk))
      lineWritten.resolve()
    },
  }
  const { logger } = createLogger({ level: 'info', format: 'json', destination })
  metrics = createMetrics({ version: '0.0.0' })
  server = await createHttpServer({
    routes: [routes],
    readiness: async () => ({ ok: true, checks: {} }),
    onError: () => undefined,
    authenticate: async () => ({
      ok: true,
      principal: { userId, username: 'ann', credential: { kind: 'session', id: userId } },
      roles: new Set(['customer']),
    }),
    ...createRequestTelemetry({ logger, metrics, tracer: createTracer('0.0.0') }),
  })
  baseUrl = await server.listen({ host: '127.0.0.1', port: 0 })
  return async () => {
    metrics.stop()
    await server.close(0)
  }
})

async function get(path: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(`${baseUrl}${path}`, {
    headers: { authorization: 'Bearer x', ...headers },
  })
  await response.text()
}

test('each request is one line with what tells it apart', async () => {
  await get('/v1/things/7?token=s3cret', {
    'request-id': 'req_1',
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  })
  await lineWritten.promise
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      request_id: 'req_1',
      trace_id: traceId,
      method: 'GET',
      route: '/v1/things/:id',
      status: 200,
      duration_ms: expect.any(Number),
      user_id: encodeId('user', userId),
      remote_address: '127.0.0.1',
      msg: 'request',
    },
  ])
  expect(lines).not.toMatchObject([{ duration_ms: 0 }])
})

test.each([
  '',
  '00-x-y-01',
  `ff-${traceId}-00f067aa0ba902b7-01`,
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
])('the traceparent %j names no trace', async (traceparent) => {
  await get('/v1/things/7', { traceparent })
  await lineWritten.promise
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toHaveProperty('trace_id')
})

test('probes are not logged, and a path that matches no route is no label', async () => {
  await get('/livez')
  await get('/no/such/path')
  await lineWritten.promise
  expect(lines).toMatchObject([{ route: 'none', status: 404, code: 'route_not_found' }])
  const text = await metrics.render()
  expect(text).toContain('duration_seconds_count{method="GET",route="/livez",status="200"} 1')
  expect(text).not.toContain('/no/such')
  expect(text).toContain('tallystick_http_problems_total{code="route_not_found"} 1')
  expect(text).toContain('tallystick_http_requests_in_flight 0')
})

test('a request whose client went away is told as 499 and is no longer in flight', async () => {
  const { hostname, port, host } = new URL(baseUrl)
  const client = connect(Number(port), hostname)
  client.write(`GET /slow HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await slowReached.promise
  // Not an orderly end: after that a client may still read its answer.
  client.resetAndDestroy()
  await lineWritten.promise
  expect(lines).toMatchObject([{ route: '/slow', status: 499 }])
  expect(await metrics.render()).toContain('tallystick_http_requests_in_flight 0')
})
