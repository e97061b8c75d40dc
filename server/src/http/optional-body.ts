/**
 * Bodies of which every member has a default: no body at all is the same as `{}`. A route says so with
 * `config: { isBodyOptional: true }`.
 */
import type { FastifyInstance } from 'fastify'

/** For each route that is added from now on. */
export function addOptionalBodies(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.isBodyOptional !== true) return
    const others = route.preValidation === undefined ? [] : [route.preValidation].flat()
    route.preValidation = [
      (request, _reply, done) => {
        request.body ??= {}
        done()
      },
      ...others,
    ]
  })
}
