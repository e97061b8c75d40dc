/** The ledger's work as metrics and spans; see ledger/telemetry.ts for what is told when. */
import type { Tracer } from '@opentelemetry/api'
import type {
  BatchTelemetry,
  HoldOutcome,
  Instruction,
  LedgerEngine,
  LedgerTelemetry,
  PostOptions,
  TransferOutcome,
} from '../ledger/ledger.ts'
import type { Metrics } from './metrics.ts'
import { startChildSpan } from './tracing.ts'

export function createLedgerTelemetry(metrics: Metrics, tracer: Tracer): LedgerTelemetry {
  const queueLength = metrics.gauge('tallystick_ledger_queue_length')
  const overloaded = metrics.counter('tallystick_ledger_overloaded_total')
  const sizes = metrics.histogram('tallystick_ledger_batch_size')
  const waits = metrics.histogram('tallystick_ledger_batch_wait_seconds')
  return {
    queued: (count) => queueLength.set(count),
    overloaded: (reason) => overloaded.inc({ reason }),
    batch(instructions, waitedMilliseconds) {
      sizes.observe(instructions)
      waits.observe(waitedMilliseconds / 1000)
      return createBatchTelemetry(metrics, tracer, instructions)
    },
  }
}

function createBatchTelemetry(
  metrics: Metrics,
  tracer: Tracer,
  instructions: number,
): BatchTelemetry {
  const started = performance.now()
  const span = tracer.startSpan('ledger batch', { root: true })
  span.setAttribute('tallystick.batch.instructions', instructions)
  return {
    statement(name) {
      const sent = performance.now()
      const child = startChildSpan(tracer, name, span)
      return () => {
        metrics
          .histogram('tallystick_ledger_statement_duration_seconds')
          .observe({ statement: name }, (performance.now() - sent) / 1000)
        child.end()
      }
    },
    failed(failure) {
      metrics.counter('tallystick_ledger_batch_failures_total').inc({ failure })
      span.addEvent('failed', { failure })
    },
    unknown() {
      metrics.counter('tallystick_ledger_batch_unknown_total').inc()
      span.addEvent('unknown')
    },
    finished() {
      const seconds = (performance.now() - started) / 1000
      metrics.histogram('tallystick_ledger_batch_duration_seconds').observe(seconds)
      span.end()
    },
  }
}

/** The same engine, with its outcomes counted; those of dry runs are none. */
export function countOutcomes(ledger: LedgerEngine, metrics: Metrics): LedgerEngine {
  const outcomes = metrics.counter('tallystick_ledger_outcomes_total')

  function count(kind: Instruction['kind'], outcome: Outcome, options?: PostOptions): void {
    if (options?.dryRun) return
    outcomes.inc({ kind, outcome: nameOf(outcome), replayed: String(outcome.replayed) })
  }

  return {
    ...ledger,
    async post(instruction, options) {
      const outcome = await ledger.post(instruction, options)
      count(instruction.kind, outcome, options)
      return outcome
    },
    async postGroup(instructions, options) {
      const group = await ledger.postGroup(instructions, options)
      for (const [index, outcome] of group.outcomes.entries()) {
        count(instructions[index]?.kind ?? 'transfer', outcome, options)
      }
      return group
    },
    async hold(instruction, options) {
      const outcome = await ledger.hold(instruction, options)
      count(instruction.kind, outcome, options)
      return outcome
    },
  }
}

type Outcome = TransferOutcome | HoldOutcome

function nameOf(outcome: Outcome): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}
