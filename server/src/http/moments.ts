/** Moments in a query, as the bounds of a list: `from` is inclusive, `to` exclusive. */
import { Type } from 'typebox'
import { parseTimestamp } from '../kernel/timestamp.ts'
import { problem } from './problem.ts'

export const MomentQuerySchema = Type.String({
  minLength: 20,
  maxLength: 35,
  description: 'RFC 3339; a `+` in it must be sent as `%2B`',
  examples: ['2026-01-15T09:30:00.000Z'],
})

export interface MomentRange {
  from: Date | undefined
  to: Date | undefined
}

/** Throws `validation_failed` for texts that are no moments. */
export function readMoments(query: { from?: string; to?: string }): MomentRange {
  const range = {
    from: query.from === undefined ? undefined : parseTimestamp(query.from),
    to: query.to === undefined ? undefined : parseTimestamp(query.to),
  }
  const errors = (['from', 'to'] as const)
    .filter((name) => query[name] !== undefined && range[name] === undefined)
    .map((pointer) => ({
      pointer,
      code: 'format',
      detail: 'must be a moment in RFC 3339, such as 2026-01-15T09:30:00Z',
    }))
  if (errors.length > 0) throw problem('validation_failed', { errors })
  return range
}
