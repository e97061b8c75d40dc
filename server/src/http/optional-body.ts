/**
 * For routes where every member of the body has a default: no body at all is the same as `{}`. Give
 * it as the route's `preValidation`.
 */
import type { FastifyRequest } from 'fastify'

export function allowNoBody(
  request: Pick<FastifyRequest, 'body'>,
  _reply: unknown,
  done: () => void,
): void {
  request.body ??= {}
  done()
}
