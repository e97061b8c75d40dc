/** The audit trail as it is stored: rows are inserted and read, and nothing else. */
import type { Kysely } from 'kysely'
import type { DB } from '../database/schema.generated.ts'
import { createUuidSource } from '../kernel/ids.ts'
import type { AuditEvent } from './event.ts'

const nextId = createUuidSource()

/** Writes one row in the tx of its cause, so that neither is there without the other. */
export async function recordAuditEvent(tx: Kysely<DB>, event: AuditEvent): Promise<void> {
  await recordAuditEvents(tx, [event])
}

/** The same for several things that one tx does, in one statement; none is fine. */
export async function recordAuditEvents(
  tx: Kysely<DB>,
  events: readonly (AuditEvent & { count?: number })[],
): Promise<void> {
  if (events.length === 0) return
  const rows = events.map(
    ({ kind, actorId, origin = 'api', subject, facts = {}, requestId, count = 1 }) => ({
      id: nextId(),
      kind,
      actor_id: actorId,
      origin,
      subject_prefix: subject?.prefix ?? null,
      subject_id: subject?.id ?? null,
      facts: JSON.stringify(facts),
      request_id: requestId,
      event_count: count,
    }),
  )
  await tx.insertInto('audit_event').values(rows).execute()
}
