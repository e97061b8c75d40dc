/** Marks the answer to a repeated instruction: the same status and body as the first time. */
import type { FastifyReply } from 'fastify'

export function markReplayed(reply: FastifyReply): void {
  void reply.header('idempotency-replayed', 'true')
}
