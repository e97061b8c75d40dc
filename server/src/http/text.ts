/** Refuses texts in a request that a schema cannot judge: see kernel/text.ts. */
import { isCleanText } from '../kernel/text.ts'
import { problem, type ProblemDetail } from './problem.ts'

export interface RequestText {
  /** JSON Pointer into the body, or the name of a parameter. */
  pointer: string
  value: string | undefined
  codePointsMax: number
}

/** Throws one `validation_failed` that names every text which is not clean. Absent ones pass. */
export function requireCleanText(...texts: readonly RequestText[]): void {
  const errors = findUncleanText(...texts)
  if (errors.length > 0) throw problem('validation_failed', { errors })
}

/** What is wrong with each text that is not clean. Absent ones pass. */
export function findUncleanText(...texts: readonly RequestText[]): ProblemDetail[] {
  const errors: ProblemDetail[] = []
  for (const { pointer, value, codePointsMax } of texts) {
    if (value === undefined || isCleanText(value, codePointsMax)) continue
    errors.push({
      pointer,
      code: 'text',
      detail:
        `must be 1 to ${codePointsMax} characters in Unicode NFC, not only blanks, ` +
        'without control or direction characters',
    })
  }
  return errors
}
