/** The audit trail, for auditors. There is no way to write to it from outside. */
import { Type, type Static } from 'typebox'
import { toList } from '../http/list.ts'
import { MomentQuerySchema, readMoments } from '../http/moments.ts'
import { parsePage } from '../http/paging.ts'
import { problem } from '../http/problem.ts'
import type { Routes } from '../http/route.ts'
import { idSchema, listOf, pageQuery, problems } from '../http/schema.ts'
import { present } from '../kernel/assert.ts'
import { decodeAnyId, decodeId, encodeId } from '../kernel/ids.ts'
import { AnyIdSchema, AuditEventKindSchema, AuditEventSchema } from './schema.ts'
import type { AuditEventStore, StoredAuditEvent } from './store.ts'

export interface AuditEventRoutesDependencies {
  auditEvents: AuditEventStore
}

export function createAuditEventRoutes({ auditEvents }: AuditEventRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/v1/audit-events',
      {
        config: { access: ['auditor'] },
        schema: {
          operationId: 'listAuditEvents',
          tags: ['Audit'],
          summary: 'Read the audit trail',
          description:
            'For auditors, newest first: logins, refusals, changes of roles, keys, passwords, limits and status, and all that staff changed. `from` (inclusive) and `to` (exclusive) bound the time.',
          querystring: Type.Object(
            {
              kind: Type.Optional(AuditEventKindSchema),
              actor_id: Type.Optional(idSchema('user')),
              subject_id: Type.Optional(AnyIdSchema),
              from: Type.Optional(MomentQuerySchema),
              to: Type.Optional(MomentQuerySchema),
              ...pageQuery,
            },
            { additionalProperties: false },
          ),
          response: {
            200: listOf(AuditEventSchema),
            ...problems('invalid_cursor', 'unavailable'),
          },
        },
      },
      async (request) => {
        const { kind, actor_id: actor, subject_id: subjectText } = request.query
        const { from, to } = readMoments(request.query)
        const actorId = actor && present(decodeId('user', actor), 'an id that fits its schema')
        const subject = subjectText === undefined ? undefined : decodeAnyId(subjectText)
        const list = JSON.stringify(['audit_events', kind, actorId, subjectText, from, to])
        const scope = { list, userId: request.principal.userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('event', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        // The id of no kind of thing finds nothing, and is not the same as no filter.
        const isFindable = subjectText === undefined || subject !== undefined
        const page = { kind, actorId, subject, from, to, before, limit: limit + 1 }
        const rows = isFindable ? await auditEvents.list(page) : []
        return toList({ rows, limit, scope, position: positionOf, render: renderAuditEvent })
      },
    )
  }
}

function positionOf({ id }: StoredAuditEvent): string {
  return encodeId('event', id)
}

function renderAuditEvent(event: StoredAuditEvent): Static<typeof AuditEventSchema> {
  const { actorId, subject } = event
  return {
    id: encodeId('event', event.id),
    kind: event.kind,
    actor_id: actorId === null ? null : encodeId('user', actorId),
    origin: event.origin,
    subject_id: subject === null ? null : encodeId(subject.prefix, subject.id),
    facts: event.facts,
    request_id: event.requestId,
    count: event.count,
    created_at: event.createdAt.toISOString(),
  }
}
