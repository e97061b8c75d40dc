/**
 * Turns the schemas of a route from what is good to write into what Fastify compiles: a named
 * schema that is used in place becomes a reference to one shared schema, so that it is compiled
 * once and keeps its name in the OpenAPI document; and answers that are problems are taken out,
 * since problem documents are rendered by hand (the OpenAPI document puts them back).
 */
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import { assert } from '../kernel/assert.ts'
import type { ProblemCode } from './problem-catalog.ts'
import { problemCodesKey } from './schema.ts'

type Json = Readonly<Record<string, unknown>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by the server from `problems(...)` in `schema.response`. */
    problemCodes?: readonly ProblemCode[]
  }
}

/** Rewrites the schema of each route that is added from now on. */
export function addSharedSchemas(app: FastifyInstance): void {
  app.addHook('onRoute', function rewrite(this: FastifyInstance, route) {
    if (route.schema === undefined) return
    const problemCodes = problemCodesOf(route.schema)
    route.config = { ...route.config, problemCodes }
    route.schema = rewriteSchema(this, route)
  })
}

function rewriteSchema(app: FastifyInstance, route: RouteOptions): FastifySchema {
  const schema: Record<string, unknown> = { ...route.schema }
  for (const part of ['body', 'querystring', 'params', 'headers']) {
    if (schema[part] !== undefined) schema[part] = share(app, schema[part])
  }
  if (isObject(schema['response'])) {
    const answers = Object.entries(schema['response']).filter(([, value]) => !isProblem(value))
    schema['response'] = Object.fromEntries(
      answers.map(([status, value]) => [status, share(app, value)]),
    )
  }
  return schema
}

/** The schema with references in place of all named schemas in it, which are added to the app. */
export function share(app: FastifyInstance, schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((item) => share(app, item))
  if (!isObject(schema)) return schema
  const { $id: name, ...anonymous } = schema
  const rewritten = Object.fromEntries(
    Object.entries(anonymous).map(([key, value]) => [
      key,
      key === 'examples' || key === 'default' || key === 'const' ? value : share(app, value),
    ]),
  )
  if (typeof name !== 'string') return rewritten
  const known = app.getSchema(name)
  if (known === undefined) app.addSchema({ $id: name, ...rewritten })
  else {
    const isSame = JSON.stringify(known) === JSON.stringify({ $id: name, ...rewritten })
    assert(isSame, `two schemas are named ${name}`)
  }
  return { $ref: `${name}#` }
}

function problemCodesOf(schema: FastifySchema): ProblemCode[] {
  if (!isObject(schema.response)) return []
  return Object.values(schema.response).flatMap((answer) =>
    isProblem(answer) ? answer[problemCodesKey] : [],
  )
}

function isProblem(value: unknown): value is { [problemCodesKey]: ProblemCode[] } {
  return isObject(value) && problemCodesKey in value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
