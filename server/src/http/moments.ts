/** Moments in a query: alone, or as the bounds of a list, where `from` is inclusive, `to` exclusive. */
import { Type } from 'typebox'
import { parseTimestamp } from '../kernel/timestamp.ts'
import { problem, type ProblemError } from './problem.ts'

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
  const range = { from: parse(query.from), to: parse(query.to) }
  const wrong = (['from', 'to'] as const).filter(
    (name) => query[name] !== undefined && range[name] === undefined,
  )
  if (wrong.length > 0) throw noMoments(wrong)
  return range
}

/** The same for one parameter of that name, `undefined` where it is absent. */
export function readMoment(name: string, text: string | undefined): Date | undefined {
  const moment = parse(text)
  if (text !== undefined && moment === undefined) throw noMoments([name])
  return moment
}

function parse(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : parseTimestamp(text)
}

function noMoments(pointers: readonly string[]): ProblemError {
  const detail = 'must be a moment in RFC 3339, such as 2026-01-15T09:30:00Z'
  const errors = pointers.map((pointer) => ({ pointer, code: 'format', detail }))
  return problem('validation_failed', { errors })
}
