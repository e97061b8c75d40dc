/** The list of all routes, for what needs to know them as a whole: 405 answers, OpenAPI, tests. */
import type { FastifyInstance } from 'fastify'
import { assert } from '../kernel/assert.ts'
import type { ProblemCode } from './problem-catalog.ts'
import type { Access } from './route.ts'
import type { Scope } from './scopes.ts'

export interface RouteEntry {
  method: string
  /** The pattern, such as `/v1/accounts/:id`. */
  url: string
  operationId: string | undefined
  access: Access
  scope: Scope | undefined
  idempotencyKey: 'required' | 'optional' | undefined
  isBodyOptional: boolean
  /** Whether it can be asked too often. */
  isLimited: boolean
  problemCodes: readonly ProblemCode[]
  /** Which parts of a request its schema reads. */
  reads: { body: boolean; query: boolean; path: boolean }
}

/** Starts the list; it has each route that is added from now on. After `addSharedSchemas`. */
export function collectRoutes(app: FastifyInstance): readonly RouteEntry[] {
  const entries: RouteEntry[] = []
  app.addHook('onRoute', ({ method, url, schema, config = {} }) => {
    for (const name of [method].flat()) {
      const isOwn = name !== 'HEAD' && name !== 'OPTIONS'
      const isDocumented = schema !== undefined && !('hide' in schema)
      if (isOwn && isDocumented) assert(schema.operationId, `${name} ${url} has no operationId`)
      entries.push({
        method: name,
        url,
        operationId: isOwn ? schema?.operationId : undefined,
        access: config.access ?? 'user',
        scope: config.scope,
        idempotencyKey: config.idempotencyKey,
        isBodyOptional: config.isBodyOptional === true,
        isLimited: config.isShedding !== false,
        problemCodes: config.problemCodes ?? [],
        reads: {
          body: schema?.body !== undefined,
          query: schema?.querystring !== undefined,
          path: schema?.params !== undefined,
        },
      })
    }
  })
  return entries
}

/** The methods that a path has, sorted; none when there is no such path. */
export function methodsOf(entries: readonly RouteEntry[], path: string): string[] {
  const parts = path.split('/')
  const methods = entries
    .filter(({ url, method }) => method !== 'OPTIONS' && matches(url.split('/'), parts))
    .map(({ method }) => method)
  return [...new Set(methods)].toSorted()
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.length !== parts.length) return false
  return pattern.every((part, index) =>
    part.startsWith(':') ? parts[index] !== '' : part === parts[index],
  )
}
