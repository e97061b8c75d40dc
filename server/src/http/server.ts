/**
 * The HTTP server: Fastify with everything that is the same for all routes, so that a route file
 * says only what is its own.
 *
 * The order of a request: framing guard -> request id -> bearer token -> role -> body (strict JSON) -> schema ->
 * handler -> serializer. Whatever is thrown on the way becomes one problem document.
 */
import fastify, { type FastifyInstance } from 'fastify'
import { addAuthentication, type AuthenticationDependencies } from './authentication.ts'
import { classifyFailure, sendProblem } from './failures.ts'
import { problem } from './problem.ts'
import { createRequestIds } from './request-id.ts'
import type { Routes } from './route.ts'
import { addSharedSchemas } from './shared-schemas.ts'

export interface HttpServerOptions extends AuthenticationDependencies {
  routes: readonly Routes[]
  readiness: () => Promise<{ ok: boolean; checks: Record<string, string> }>
  /** Called once for each defect, with what was thrown. */
  onError: (error: unknown, requestId: string) => void
}

export interface HttpServer {
  app: FastifyInstance
}

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    bodyLimit: bodySizeMax,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    genReqId: createRequestIds(),
    requestIdHeader: false,
    return503OnClosing: false,
  })
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('request-id', request.id)
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    const failure = classifyFailure(error)
    if (failure.isDefect) options.onError(error, request.id)
    return sendProblem(request, reply, failure.problem)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, problem('route_not_found')),
  )
  addSharedSchemas(app)
  addAuthentication(app, options)
  for (const routes of options.routes) await app.register(routes)
  await app.ready()
  return { app }
}

export const bodySizeMax = 1024 * 1024
