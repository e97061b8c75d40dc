/**
 * Texts in the query. PostgreSQL has no NUL in a text and answers one with an error that would look
 * like a defect of ours; in bodies the JSON scanner refuses it, here this does.
 */
import type { FastifyInstance } from 'fastify'
import { problem } from './problem.ts'

/** Refuses NUL for each route that is added from now on and that has a query. */
export function addQueryText(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.querystring === undefined) return
    const others = route.preValidation === undefined ? [] : [route.preValidation].flat()
    route.preValidation = [
      ({ query }, _reply, done) => {
        const errors = Object.entries(query ?? {})
          .filter(([name, value]) => `${name}${String(value)}`.includes('\0'))
          .map(([name]) => ({ pointer: name, code: 'nul', detail: 'must not contain NUL' }))
        done(errors.length === 0 ? undefined : problem('validation_failed', { errors }))
      },
      ...others,
    ]
  })
}
