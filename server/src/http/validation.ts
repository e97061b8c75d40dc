/** Findings of the schema validator (Ajv), as a problem document. */
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { problem, type ProblemDetail, type ProblemError } from './problem.ts'

/** How values are validated everywhere: nothing is converted, left out or overlooked. */
export const validatorOptions = {
  coerceTypes: false,
  removeAdditional: false,
  allErrors: true,
} as const

/** More findings than this do not help the client any further. */
const errorsMax = 20
/** Pointers repeat names that the client made up, so their length is bounded. */
const pointerLengthMax = 200

/** The problem for a body or parameters that do not match their schema. */
export function validationProblem(
  findings: readonly FastifySchemaValidationError[],
  context: string | undefined,
): ProblemError {
  const isBody = context === 'body'
  // `anyOf` and `if` repeat in their own words what the findings before them said.
  const telling = findings.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'if')
  const errors = (telling.length > 0 ? telling : findings)
    .slice(0, errorsMax)
    .map((finding) => describe(finding, isBody))
  return problem('validation_failed', {
    detail: errors[0] && `${errors[0].pointer || 'The body'}: ${errors[0].detail}`,
    errors,
  })
}

function describe(finding: FastifySchemaValidationError, isBody: boolean): ProblemDetail {
  const { keyword, params, instancePath } = finding
  const member = memberOf(params)
  const path = member === undefined ? instancePath : `${instancePath}/${escapePointer(member)}`
  const pointer = (isBody ? path : path.slice(1)).slice(0, pointerLengthMax)
  return { pointer, code: keyword, detail: wording(finding, pointer) }
}

// Findings about an object name the member they are about in their parameters.
function memberOf(params: Record<string, unknown>): string | undefined {
  const member = params['missingProperty'] ?? params['additionalProperty']
  return typeof member === 'string' ? member : undefined
}

function wording({ keyword, message, params }: FastifySchemaValidationError, pointer: string) {
  switch (keyword) {
    case 'required':
      return 'is required'
    case 'additionalProperties':
      return 'is not known here'
    case 'enum':
      return `must be one of ${JSON.stringify(params['allowedValues'])}`
    default: {
      const hint = pointer.endsWith('amount')
        ? ' (amounts are in minor units: 1050 is 10.50 EUR)'
        : ''
      return `${message ?? 'is not valid'}${hint}`
    }
  }
}

/** Escapes one name for a JSON Pointer (RFC 6901). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
