/**
 * The id of a request: the client's own (`request-id` or `x-request-id`) where it is short and
 * plain, so that both sides can search their logs for it, or one of ours. Anything else that a
 * client sends there is ignored and never reflected.
 */
import type { IncomingMessage } from 'node:http'
import { createUuidSource, encodeId } from '../kernel/ids.ts'

const acceptable = /^[A-Za-z0-9_.-]{1,64}$/

/** Makes the function that names requests. */
export function createRequestIds(): (request: Pick<IncomingMessage, 'headers'>) => string {
  const nextUuid = createUuidSource()
  return ({ headers }) => {
    const given = headers['request-id'] ?? headers['x-request-id']
    if (typeof given === 'string' && acceptable.test(given)) return given
    return encodeId('req', nextUuid())
  }
}
