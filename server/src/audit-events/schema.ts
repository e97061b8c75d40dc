import { Type } from 'typebox'
import { idSchema, named, nullable, oneOf, Timestamp } from '../http/schema.ts'
import { auditEventKinds, auditOrigins } from './event.ts'

/** The id of anything: who asks for one that there is not finds nothing. */
export const AnyIdSchema = Type.String({
  pattern: '^[a-z]{1,12}_[0-7][0-9a-hjkmnp-tv-z]{25}$',
  examples: ['acct_01h455vb4pex5vsknk084sn02q'],
})

export const AuditEventKindSchema = oneOf(auditEventKinds, {
  description: 'What happened; more kinds may come',
})

export const AuditEventSchema = named(
  'AuditEvent',
  Type.Object(
    {
      id: idSchema('event'),
      kind: AuditEventKindSchema,
      actor_id: nullable(idSchema('user', 'Who did it; null for a stranger and for the operator')),
      origin: oneOf(auditOrigins, {
        description:
          '`command`: by the operator at the command line; `start`: by a starting server',
      }),
      subject_id: nullable(
        Type.String({
          description: 'What it was done to: an id of any kind, which its prefix tells',
          examples: ['acct_01h455vb4pex5vsknk084sn02q'],
        }),
      ),
      facts: Type.Unsafe<Record<string, string | number | boolean>>(
        Type.Object(
          {},
          {
            additionalProperties: true,
            description: 'Ids, codes, names of roles and routes, numbers. More members may come',
            examples: [{ transfer_id: 'xfer_01h455vb4pex5vsknk084sn02q' }],
          },
        ),
      ),
      request_id: nullable(
        Type.String({
          description: 'Of the request, as in the log of the server',
          examples: ['req_01h455vb4pex5vsknk084sn02q'],
        }),
      ),
      count: Type.Integer({
        minimum: 1,
        description: 'More than 1 where a flood of equal refusals was counted and not written',
        examples: [1],
      }),
      created_at: Timestamp,
    },
    { additionalProperties: false },
  ),
)
