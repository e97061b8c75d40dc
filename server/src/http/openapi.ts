/**
 * The OpenAPI 3.1 document, made from the schemas of the routes and completed with what all of them have in
 * common: errors as `application/problem+json`, the bearer token, the idempotency key, examples.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { assert, present } from '../kernel/assert.ts'
import { isJsonObject, objectAt, objectsIn, type JsonObject } from './json-object.ts'
import { exampleOf } from './openapi-examples.ts'
import { problemContentType, renderProblem } from './problem.ts'
import { problemCatalog, problemCodes, type ProblemCode } from './problem-catalog.ts'
import type { RouteEntry } from './route-table.ts'

const information = {
  title: 'Tallystick',
  version: '1.0.0',
  summary: 'A bank: every movement is a matched debit and credit.',
  description: [
    'Amounts are integers of minor units: `1050` is 10.50 EUR, 1050 KRW or 1.050 KWD.',
    'Log in with `POST /v1/sessions` and send the access token as `Authorization: Bearer <token>`; when it is refused with 401, get a new one with `POST /v1/sessions/refresh`. Programs use an API key in its place.',
    'Requests that move money carry an `Idempotency-Key`: repeating one gives the same answer and does nothing twice.',
    'Every error is a problem document (RFC 9457); `code` is for programs, and `type` leads to its explanation.',
    'Clients ignore members that they do not know; within `/v1` there are only additions.',
  ].join('\n\n'),
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

/** Collects the routes that are added from now on. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: information },
    convertConstToEnum: false,
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
    },
  })
}

/** The whole document. `app` is ready. */
export function buildOpenApi(app: FastifyInstance, routes: readonly RouteEntry[]): JsonObject {
  // A copy, in which nothing is shared with the schemas that validate.
  const document: unknown = JSON.parse(JSON.stringify(app.swagger()))
  assert(isJsonObject(document), 'the OpenAPI document is an object')
  const components = objectAt(document, 'components')
  const schemas = objectAt(components, 'schemas')
  for (const [, schema] of objectsIn(schemas)) delete schema['title']
  components['securitySchemes'] = {
    bearerAuth: { type: 'http', scheme: 'bearer', description: 'An access token or an API key' },
  }
  const usedCodes = new Set<ProblemCode>()
  const tags = new Set<string>()
  for (const [path, item] of objectsIn(objectAt(document, 'paths'))) {
    for (const [method, operation] of objectsIn(item)) {
      const id = operation['operationId']
      const route = present(
        routes.find((entry) => entry.operationId === id && entry.method.toLowerCase() === method),
        `the route of ${method} ${path}`,
      )
      complete(operation, route, schemas)
      for (const code of problemCodesOf(route)) usedCodes.add(code)
      for (const tag of listAt(operation, 'tags')) tags.add(String(tag))
    }
  }
  components['examples'] = Object.fromEntries(
    problemCodes.filter((code) => usedCodes.has(code)).map((code) => [code, problemExample(code)]),
  )
  document['tags'] = [...tags].map((name) => ({ name }))
  return document
}

function complete(operation: JsonObject, route: RouteEntry, schemas: JsonObject): void {
  operation['security'] = route.access === 'public' ? [] : [{ bearerAuth: [] }]
  if (Array.isArray(route.access)) {
    const roles = route.access.map((role) => `\`${role}\``).join(', ')
    operation['description'] = [operation['description'], `Needs one of the roles ${roles}.`]
      .filter(Boolean)
      .join('\n\n')
  }
  if (route.access !== 'public') {
    const keys = route.scope ? `those with the scope \`${route.scope}\`` : 'none'
    operation['description'] = [operation['description'], `API keys: ${keys}.`]
      .filter(Boolean)
      .join('\n\n')
  }
  if (route.idempotencyKey !== undefined) addIdempotencyKey(operation, route.idempotencyKey)
  const answers = objectAt(operation, 'responses')
  for (const [, answer] of objectsIn(answers)) addExamples(answer, schemas)
  if (operation['requestBody'] !== undefined) {
    const body = objectAt(operation, 'requestBody')
    addExamples(body, schemas)
    if (route.isBodyOptional) body['required'] = false
  }
  Object.assign(answers, problemAnswers(problemCodesOf(route)))
}

function addIdempotencyKey(operation: JsonObject, need: 'required' | 'optional'): void {
  operation['parameters'] = [
    ...listAt(operation, 'parameters'),
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: need === 'required',
      description: 'Your name for this instruction. Sending it again does nothing twice.',
      schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
      example: '3f6c1f0e-7d0b-4a6e-9a51-6f0f4d1f4c11',
    },
  ]
}

/** All problems that a route can answer with, in the order of the catalog. */
export function problemCodesOf(route: RouteEntry): ProblemCode[] {
  const { body, query, path } = route.reads
  const codes = new Set<ProblemCode>(['internal_error', 'overloaded', 'malformed_request'])
  const add = (condition: boolean, ...more: ProblemCode[]) => {
    if (condition) for (const code of more) codes.add(code)
  }
  add(route.isLimited, 'rate_limited')
  add(body || query || path, 'validation_failed')
  add(path, 'uri_too_long')
  add(body, 'malformed_json', 'body_too_large', 'unsupported_media_type', 'request_timeout')
  add(route.access !== 'public', 'token_missing', 'authorization_unsupported')
  add(route.access !== 'public', 'authorization_invalid', 'token_invalid', 'token_expired')
  add(route.access !== 'public', 'scope_required')
  add(Array.isArray(route.access), 'role_required')
  add(route.idempotencyKey !== undefined, 'idempotency_key_invalid', 'idempotency_key_reused')
  add(route.idempotencyKey === 'required', 'idempotency_key_missing')
  add(true, ...route.problemCodes)
  return problemCodes.filter((code) => codes.has(code))
}

function problemAnswers(codes: readonly ProblemCode[]): JsonObject {
  const answers: JsonObject = {}
  for (const code of codes) {
    const { status } = problemCatalog[code]
    const ofStatus = codes.filter((other) => problemCatalog[other].status === status)
    answers[status] ??= {
      description: ofStatus
        .map((other) => `\`${other}\`: ${problemCatalog[other].title}`)
        .join('\n\n'),
      content: {
        [problemContentType]: {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(
            ofStatus.map((other) => [other, { $ref: `#/components/examples/${other}` }]),
          ),
        },
      },
    }
  }
  return answers
}

function problemExample(code: ProblemCode): JsonObject {
  const value: unknown = JSON.parse(
    renderProblem(code, { requestId: 'req_01h455vb4pex5vsknk084sn02q' }),
  )
  return { summary: problemCatalog[code].title, value }
}

function addExamples(part: JsonObject, schemas: JsonObject): void {
  for (const [, media] of objectsIn(objectAt(part, 'content'))) {
    media['example'] ??= exampleOf(media['schema'], schemas)
  }
}

function listAt(parent: JsonObject, key: string): unknown[] {
  const value = parent[key]
  return Array.isArray(value) ? value : []
}
