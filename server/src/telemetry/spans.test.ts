import { trace, TraceFlags, type Span, type Tracer } from '@opentelemetry/api'
import { expect, onTestFinished, test } from 'vitest'
import { createHttpServer } from '../http/server.ts'
import { testServerOptions } from '../http/testing.ts'
import { createLedgerTelemetry } from './ledger.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createRequestTelemetry } from './requests.ts'

interface Recorded {
  name: string
  parent: string | undefined
  attributes: Record<string, unknown>
  events: string[]
  ended: boolean
}

/** What an SDK would do, as far as we use it. */
function createRecordingTracer(): { tracer: Tracer; spans: Recorded[]; traceId: string } {
  const traceId = 'a'.repeat(32)
  const spans: Recorded[] = []
  const names = new Map<string, string>()
  const tracer: Tracer = {
    startSpan(name, options, context) {
      const parent = options?.root || !context ? undefined : trace.getSpanContext(context)?.spanId
      const record: Recorded = {
        name,
        parent: parent && names.get(parent),
        attributes: {},
        events: [],
        ended: false,
      }
      const spanId = String(spans.push(record)).padStart(16, '0')
      names.set(spanId, name)
      const spanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED }
      const span: Span = Object.assign(trace.wrapSpanContext(spanContext), {
        isRecording: () => true,
        setAttribute(key: string, value: unknown) {
          record.attributes[key] = value
          return span
        },
        addEvent(event: string) {
          record.events.push(event)
          return span
        },
        end() {
          record.ended = true
        },
      })
      return span
    },
    startActiveSpan: () => expect.unreachable(),
  }
  return { tracer, spans, traceId }
}

test('a request is one span with its route and status, and its log line names the trace', async () => {
  const { tracer, spans, traceId } = createRecordingTracer()
  const metrics = createMetrics({ version: '0.0.0' })
  onTestFinished(() => metrics.stop())
  const line = Promise.withResolvers<string>()
  const { logger } = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: line.resolve },
  })
  const server = await createHttpServer({
    ...testServerOptions,
    routes: [],
    onError: (error) => expect.fail(String(error)),
    ...createRequestTelemetry({ logger, metrics, tracer }),
  })
  onTestFinished(() => server.close(0))
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })
  await fetch(`${origin}/problems/overloaded`)
  expect(JSON.parse(await line.promise)).toMatchObject({ trace_id: traceId, status: 200 })
  expect(spans).toEqual([
    {
      name: 'GET /problems/:code',
      parent: undefined,
      attributes: { 'http.route': '/problems/:code', 'http.response.status_code': 200 },
      events: [],
      ended: true,
    },
  ])
})

test('a batch is a span of its own, with a span for each of its statements', () => {
  const { tracer, spans } = createRecordingTracer()
  const metrics = createMetrics({ version: '0.0.0' })
  onTestFinished(() => metrics.stop())
  const batch = createLedgerTelemetry(metrics, tracer).batch(3, 0)
  const ended = batch.statement('lock')
  expect(spans.map((span) => span.ended)).toEqual([false, false])
  ended()
  batch.failed('contention', new Error('a deadlock'))
  batch.unknown()
  batch.finished()
  expect(spans).toEqual([
    {
      name: 'ledger batch',
      parent: undefined,
      attributes: { 'tallystick.batch.instructions': 3 },
      events: ['failed', 'unknown'],
      ended: true,
    },
    { name: 'lock', parent: 'ledger batch', attributes: {}, events: [], ended: true },
  ])
})
