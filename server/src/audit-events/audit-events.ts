/**
 * The face of the audit trail. Two ways in:
 *
 * - `recordAuditEvent(tx, event)` where something is changed: the row commits with its cause.
 * - `auditWriter.record(event)` where nothing is (a refusal, a failed login): it returns at once, and
 *   a flood is counted and not written.
 */
export {
  type AuditEvent,
  type AuditEventKind,
  type AuditFacts,
  type AuditOrigin,
  type AuditSubject,
} from './event.ts'
export { recordAuditEvent, recordAuditEvents } from './store.ts'
export type { AuditWriter, AuditWriterTelemetry } from './writer.ts'
