import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { instruments } from './instruments.ts'
import { createLedgerTelemetry } from './ledger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createMetricsServer } from './metrics-server.ts'
import { createMetricsReference } from './reference.ts'
import { createTracer } from './tracing.ts'

let metrics: Metrics | undefined

function create(): Metrics {
  return (metrics = createMetrics({ version: '1.2.3' }))
}

afterEach(() => metrics?.stop())

test('every metric of the table is exposed, and every one of ours is in the table', async () => {
  const text = await create().render()
  const exposed = [...text.matchAll(/^# TYPE (tallystick_\S+) (\S+)$/gm)]
  expect(Object.fromEntries(exposed.map(([, name, type]) => [name, type]))).toEqual(
    Object.fromEntries(Object.entries(instruments).map(([name, { type }]) => [name, type])),
  )
  expect(text).toContain('tallystick_build_info{version="1.2.3"')
  expect(text).toContain('tallystick_event_loop_delay_seconds{quantile="0.99"}')
  expect(text).toContain('process_resident_memory_bytes')
})

test('the committed list of metrics is what the table says', () => {
  const path = new URL('../../../docs/reference/metrics.md', import.meta.url)
  expect(readFileSync(path, 'utf8')).toBe(createMetricsReference())
})

test("the ledger's work becomes metrics", async () => {
  const telemetry = createLedgerTelemetry(create(), createTracer('0.0.0'))
  telemetry.queued(7)
  telemetry.overloaded('queue_full')
  const batch = telemetry.batch(3, 20)
  batch.statement('lock')()
  batch.failed('contention', new Error('deadlock'))
  batch.unknown()
  batch.finished()
  const text = await metrics?.render()
  for (const line of [
    'tallystick_ledger_queue_length 7',
    'tallystick_ledger_overloaded_total{reason="queue_full"} 1',
    'tallystick_ledger_batch_size_sum 3',
    'tallystick_ledger_batch_wait_seconds_sum 0.02',
    'tallystick_ledger_statement_duration_seconds_count{statement="lock"} 1',
    'tallystick_ledger_batch_failures_total{failure="contention"} 1',
    'tallystick_ledger_batch_unknown_total 1',
    'tallystick_ledger_batch_duration_seconds_count 1',
  ]) {
    expect(text).toContain(line)
  }
})

test('the pool is read at each scrape', async () => {
  const pool = { totalCount: 5, idleCount: 2, waitingCount: 1 }
  create().watchPool(pool)
  pool.idleCount = 1
  const text = await metrics?.render()
  expect(text).toContain('tallystick_database_pool_connections{state="busy"} 4')
  expect(text).toContain('tallystick_database_pool_connections{state="idle"} 1')
  expect(text).toContain('tallystick_database_pool_waiting 1')
})

test('the admin address gives the metrics and nothing else', async () => {
  const server = createMetricsServer(create())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const get = (path: string, method = 'GET') =>
      fetch(`http://127.0.0.1:${port}${path}`, { method })
    const answer = await get('/metrics')
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await answer.text()).toContain('tallystick_build_info')
    expect((await get('/')).status).toBe(404)
    expect((await get('/metrics', 'POST')).status).toBe(405)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})
