/**
 * The metrics of one bank, in a registry of its own. An observation costs 0.1 to 0.5 us (prom-client
 * 15, 2026-11, 2 cores), so each request can afford its few.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { instruments, type LabelsOf, type NameOf } from './instruments.ts'

export interface PoolCounts {
  totalCount: number
  idleCount: number
  waitingCount: number
}

export interface Metrics {
  counter<K extends NameOf<'counter'>>(name: K): Counter<LabelsOf<K>>
  gauge<K extends NameOf<'gauge'>>(name: K): Gauge<LabelsOf<K>>
  histogram<K extends NameOf<'histogram'>>(name: K): Histogram<LabelsOf<K>>
  /** Reads the pool at each scrape. */
  watchPool(pool: PoolCounts): void
  contentType: string
  /** Everything, in the text format of Prometheus. */
  render(): Promise<string>
  stop(): void
}

export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry()
  const { counter, gauge, histogram } = createInstruments(registry)
  collectDefaultMetrics({ register: registry })
  gauge('tallystick_build_info').set({ version, node_version: process.versions.node }, 1)

  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const collectors = [
    () => {
      const gaugeOfDelay = gauge('tallystick_event_loop_delay_seconds')
      for (const quantile of [0.5, 0.99, 1]) {
        gaugeOfDelay.set({ quantile: String(quantile) }, delay.percentile(quantile * 100) / 1e9)
      }
      delay.reset()
    },
  ]
  return {
    counter,
    gauge,
    histogram,
    watchPool: (pool) =>
      void collectors.push(() => {
        const connections = gauge('tallystick_database_pool_connections')
        connections.set({ state: 'idle' }, pool.idleCount)
        connections.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
        gauge('tallystick_database_pool_waiting').set(pool.waitingCount)
      }),
    contentType: registry.contentType,
    render() {
      for (const collect of collectors) collect()
      return registry.metrics()
    },
    stop: () => void delay.disable(),
  }
}

type Instruments = Pick<Metrics, 'counter' | 'gauge' | 'histogram'>

/** All instruments of the table exist from the start, so that a scrape shows each of them. */
function createInstruments(registry: Registry): Instruments {
  const registers = [registry]
  const made = new Map<string, Counter | Gauge | Histogram>()
  for (const [name, { type, help, labels, ...rest }] of Object.entries(instruments)) {
    const options = { name, help, labelNames: labels, registers }
    if (type === 'counter') made.set(name, new Counter(options))
    else if (type === 'gauge') made.set(name, new Gauge(options))
    else
      made.set(
        name,
        new Histogram({ ...options, buckets: [...('buckets' in rest ? rest.buckets : [])] }),
      )
  }
  return {
    counter: (name) => instanceOf(made.get(name), Counter),
    gauge: (name) => instanceOf(made.get(name), Gauge),
    histogram: (name) => instanceOf(made.get(name), Histogram),
  }
}

function instanceOf<T>(value: unknown, type: new (...args: never[]) => T): T {
  if (value instanceof type) return value
  throw new TypeError(`not a ${type.name}`)
}
