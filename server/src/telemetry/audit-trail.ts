/** The work of the audit trail's writer as metrics. */
import type { AuditWriterTelemetry } from '../audit-events/audit-events.ts'
import type { Metrics } from './metrics.ts'

export function createAuditTrailTelemetry(metrics: Metrics): AuditWriterTelemetry {
  const events = metrics.counter('tallystick_audit_trail_events_total')
  const waiting = metrics.gauge('tallystick_audit_trail_waiting')
  const written = metrics.counter('tallystick_audit_trail_written_total')
  const failures = metrics.counter('tallystick_audit_trail_failures_total')
  return {
    recorded: (kept) => events.inc({ kept }),
    waiting: (rows) => waiting.set(rows),
    written: (rows) => written.inc(rows),
    failed: () => failures.inc(),
  }
}
