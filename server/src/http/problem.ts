/**
 * Problem documents (RFC 9457): the one form of every 4xx and 5xx answer. A handler throws
 * `problem('account_not_found', {...})`; the error handler of the server renders it.
 */
import type { IdPrefix, Uuid } from '../kernel/ids.ts'
import { problemCatalog, type ProblemCode } from './problem-catalog.ts'

/** One thing that is wrong with the request. */
export interface ProblemDetail {
  /** JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
  pointer: string
  /** Which rule it breaks: a keyword of JSON Schema, or a rule of the JSON scanner. */
  code: string
  /** English, for people. */
  detail: string
}

export interface ProblemOptions {
  /** English, for people: this occurrence. The title of the catalog where it is absent. */
  detail?: string | undefined
  /** Further members of the document, in snake_case: numbers, ids and codes. */
  facts?: Readonly<Record<string, unknown>>
  errors?: readonly ProblemDetail[]
  /** The request that had this outcome first, so that a replay has the same bytes. */
  requestId?: string
  /** Headers of the answer, such as `allow`, in lower case. */
  headers?: Readonly<Record<string, string>>
  cause?: unknown
  /**
   * What is there and is as good as absent for the caller: for the audit trail only. Nothing in the
   * answer tells it from an answer without.
   */
  hidden?: HiddenThing | undefined
}

export interface HiddenThing {
  prefix: IdPrefix
  id: Uuid
}

/** An answer that says no. Thrown by hooks and handlers, rendered in one place. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  readonly code: ProblemCode
  readonly statusCode: number
  readonly options: ProblemOptions

  constructor(code: ProblemCode, options: ProblemOptions) {
    super(options.detail ?? problemCatalog[code].title, { cause: options.cause })
    this.code = code
    this.statusCode = problemCatalog[code].status
    this.options = options
  }
}

/** The error to throw for an answer with that code. */
export function problem(code: ProblemCode, options: ProblemOptions = {}): ProblemError {
  // A refusal is an answer and not a bug: nobody reads its stack, and taking one costs more than
  // all else in rendering it.
  const stackTraceLimit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return new ProblemError(code, options)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

export const problemContentType = 'application/problem+json'

/** The bytes of a problem document. Facts come after the fixed members and cannot replace them. */
export function renderProblem(
  code: ProblemCode,
  { detail, facts, errors, requestId }: ProblemOptions,
): string {
  const { status, title, retry } = problemCatalog[code]
  const fixed = {
    type: `/problems/${code}`,
    title,
    status,
    detail: detail ?? title,
    code,
    request_id: requestId,
    retry,
    ...(errors && { errors }),
  }
  // Members keep the place of their first mention and the value of their last.
  return JSON.stringify({ ...fixed, ...facts, ...fixed })
}
