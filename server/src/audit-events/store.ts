/** The audit trail as it is stored: rows are inserted and read, and nothing else. */
import { type Kysely, sql } from 'kysely'
import { toSafeInteger } from '../database/convert.ts'
import type { Database } from '../database/database.ts'
import type { DB } from '../database/schema.generated.ts'
import { createUuidSource, type IdPrefix, type Uuid } from '../kernel/ids.ts'
import type { AuditEvent, AuditEventKind, AuditFacts, AuditOrigin, AuditSubject } from './event.ts'
import type { CountedEvent } from './writer.ts'

const nextId = createUuidSource()

/** Writes one row in the tx of its cause, so that neither is there without the other. */
export async function recordAuditEvent(tx: Kysely<DB>, event: AuditEvent): Promise<void> {
  await recordAuditEvents(tx, [event])
}

/** The same for several things that one tx does, in one statement; none is fine. */
export async function recordAuditEvents(
  tx: Kysely<DB>,
  events: readonly (AuditEvent & Partial<Pick<CountedEvent, 'count'>>)[],
): Promise<void> {
  if (events.length === 0) return
  const rows = JSON.stringify(
    events.map(({ kind, actorId, origin = 'api', subject, facts = {}, requestId, count = 1 }) => ({
      id: nextId(),
      kind,
      actor_id: actorId,
      origin,
      subject_prefix: subject?.prefix ?? null,
      subject_id: subject?.id ?? null,
      facts,
      request_id: requestId,
      event_count: count,
    })),
  )
  // One parameter, so that the text is the same for any number of rows.
  await sql`
    insert into audit_event (id, kind, actor_id, origin, subject_prefix, subject_id, facts,
      request_id, event_count)
    select id, kind, actor_id, origin, subject_prefix, subject_id, facts, request_id, event_count
    from jsonb_to_recordset(${rows}::jsonb) as e(id uuid, kind text, actor_id uuid, origin text,
      subject_prefix text, subject_id uuid, facts jsonb, request_id text, event_count bigint)
  `.execute(tx)
}

/** A row as it was written. */
export interface StoredAuditEvent extends Required<AuditEvent> {
  id: Uuid
  count: number
  createdAt: Date
}

export interface AuditEventPage {
  kind?: AuditEventKind | undefined
  actorId?: Uuid | undefined
  subject?: AuditSubject | undefined
  /** Inclusive. */
  from?: Date | undefined
  /** Exclusive. */
  to?: Date | undefined
  /** Only events that came before this one. */
  before?: Uuid | undefined
  limit: number
}

export interface AuditEventStore {
  /** Newest first. */
  list(page: AuditEventPage): Promise<StoredAuditEvent[]>
  /** Writes rows that no tx causes, all or none. */
  insert: (events: readonly CountedEvent[]) => Promise<void>
}

/** More than the clocks of servers and database differ by. */
const clockMarginMilliseconds = 24 * 60 * 60 * 1000

export function createAuditEventStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): AuditEventStore {
  const events = kysely.selectFrom('audit_event').selectAll().$narrowType<NarrowColumns>()

  return {
    // Index audit_event_pkey, _actor, _subject or _kind, read backwards. The times bound the ids too,
    // since these carry the time of a server, so that a page of long ago needs no walk to it.
    async list({ kind, actorId, subject, from, to, before, limit }) {
      let query = events
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (actorId !== undefined) query = query.where('actor_id', '=', actorId)
      if (subject !== undefined) {
        const { prefix, id } = subject
        query = query.where('subject_id', '=', id).where('subject_prefix', '=', prefix)
      }
      if (from !== undefined) {
        const first = firstIdOf(from.getTime() - clockMarginMilliseconds)
        query = query.where('created_at', '>=', from).where('id', '>=', first)
      }
      if (to !== undefined) {
        const end = firstIdOf(to.getTime() + clockMarginMilliseconds)
        query = query.where('created_at', '<', to).where('id', '<', end)
      }
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.orderBy('id', 'desc').limit(limit).execute()).map(toEvent)
    },

    insert: (rows) => transaction((tx) => recordAuditEvents(tx, rows)),
  }
}

/** The least UUIDv7 of that millisecond. */
function firstIdOf(milliseconds: number): Uuid {
  const time = Math.max(0, milliseconds).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

interface NarrowColumns {
  kind: AuditEventKind
  origin: AuditOrigin
  subject_prefix: IdPrefix | null
  facts: Record<string, string | number | boolean>
}

interface AuditEventRow extends NarrowColumns {
  id: Uuid
  actor_id: Uuid | null
  subject_id: Uuid | null
  request_id: string | null
  event_count: string
  created_at: Date
}

function toEvent(row: AuditEventRow): StoredAuditEvent {
  const { subject_prefix: prefix, subject_id: id } = row
  const facts: AuditFacts = row.facts
  return {
    id: row.id,
    kind: row.kind,
    actorId: row.actor_id,
    origin: row.origin,
    subject: prefix !== null && id !== null ? { prefix, id } : null,
    facts,
    requestId: row.request_id,
    count: toSafeInteger(row.event_count),
    createdAt: row.created_at,
  }
}
