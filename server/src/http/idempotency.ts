/**
 * The `Idempotency-Key` header: the client's name for one instruction, chosen freely. A route that
 * reads it says so with `config: { idempotencyKey: 'required' | 'optional' }`.
 */
import type { FastifyRequest } from 'fastify'
import { countHeader } from './headers.ts'
import { problem } from './problem.ts'

const headerName = 'idempotency-key'

/** The key of the request; throws `idempotency_key_missing` or `idempotency_key_invalid`. */
export function idempotencyKey(request: FastifyRequest): string {
  const key = idempotencyKeyIfAny(request)
  if (key === null) throw problem('idempotency_key_missing')
  return key
}

/** For routes where the key is welcome but not required. Throws `idempotency_key_invalid`. */
export function idempotencyKeyIfAny(request: FastifyRequest): string | null {
  const value = request.headers[headerName]
  if (value === undefined) return null
  const isValid =
    typeof value === 'string' &&
    /^[\x21-\x7e]{1,255}$/.test(value) &&
    countHeader(request.raw.rawHeaders, headerName) === 1
  if (!isValid) throw problem('idempotency_key_invalid')
  return value
}
