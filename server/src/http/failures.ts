/**
 * From whatever was thrown while a request was answered to the one problem document that the client
 * gets. Only here are failures sorted: what we threw on purpose (`ProblemError`), faults of the
 * surroundings (503), what Fastify found wrong with the request (4xx), and all else, which is a
 * defect: 500 with the request id and nothing more.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../kernel/fault.ts'
import { problem, problemContentType, ProblemError, renderProblem } from './problem.ts'
import { problemCatalog, retryAfterSeconds, type ProblemCode } from './problem-catalog.ts'
import { hiddenThingKey, problemCodeKey } from './request-record.ts'
import { validationProblem } from './validation.ts'

const codeOfFastify: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
}

export interface Failure {
  problem: ProblemError
  /** True for what somebody of ours must look at. */
  isDefect: boolean
}

/** Sorts an error into the answer that it becomes. */
export function classifyFailure(error: unknown): Failure {
  if (error instanceof ProblemError) return { problem: error, isDefect: false }
  if (error instanceof Fault) return { problem: problem(error.code), isDefect: false }
  if (isFastifyError(error)) {
    if (error.validation !== undefined) {
      return {
        problem: validationProblem(error.validation, error.validationContext),
        isDefect: false,
      }
    }
    const code = codeOfFastify[error.code]
    if (code !== undefined) return { problem: problem(code), isDefect: false }
  }
  return { problem: problem('internal_error', { cause: error }), isDefect: true }
}

/** Sends a problem as the answer to a request. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: ProblemError) {
  const { status } = problemCatalog[error.code]
  request[problemCodeKey] = error.code
  request[hiddenThingKey] = error.options.hidden
  const { requestId = request.id, headers = {}, ...options } = error.options
  void reply.code(status).headers(headers).header('content-type', problemContentType)
  if (status === 503) void reply.header('retry-after', retryAfterSeconds)
  // As bytes: to a string Fastify adds a charset, which JSON does not have (RFC 8259, section 11).
  return reply.send(Buffer.from(renderProblem(error.code, { ...options, requestId })))
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
