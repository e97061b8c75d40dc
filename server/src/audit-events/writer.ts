/**
 * Writes events that no tx causes (refusals, failed logins) without holding up whoever met them.
 */
import type { AuditEvent } from './event.ts'

export interface AuditWriter {
  /** Takes an event on; never throws and never waits. */
  record(event: AuditEvent): void
}
