/**
 * From the operations of the document to requests: most fit it, the others are wrong in one way each.
 * `requestsOf(seed, chunk)` is a pure function, so that a seed can be replayed.
 */
import * as fc from 'fast-check'
import type { JsonObject } from '../../server/src/http/json-object.ts'
import type { Operation, Parameter } from './operations.ts'
import { fitting, junk, known } from './values.ts'

export const actorNames = [
  'nobody',
  'alice',
  'bob',
  'teller',
  'auditor',
  'admin',
  'broken',
] as const
export type ActorName = (typeof actorNames)[number]

/** A request whose texts may have names such as `§acct:3§` in them: see values.ts. */
export interface FuzzRequest {
  /** Absent where the document knows no such request. */
  operation: Operation | undefined
  actor: ActorName
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  /** As bytes one by one, when it is no UTF-8. */
  body: string | Buffer | undefined
}

export const chunkSize = 500

/** A function that makes the requests of a chunk. */
export function createRequests(operations: readonly Operation[], components: JsonObject) {
  const one = fc.oneof(
    ...operations.map((operation) => ({
      weight: weightOf(operation),
      arbitrary: requestOf(operation, components),
    })),
    { weight: 4, arbitrary: unknownRequest(operations) },
  )
  return (seed: number, chunk: number): FuzzRequest[] =>
    fc.sample(one, { seed: seed + chunk, numRuns: chunkSize })
}

/** What moves money is wrong in more ways than the rest. */
function weightOf({ method, parameters }: Operation): number {
  if (parameters.some(({ name }) => name === 'Idempotency-Key')) return 10
  return method === 'GET' ? 3 : 2
}

const actor = fc.oneof(
  ...(
    [
      ['nobody', 1],
      ['alice', 6],
      ['bob', 3],
      ['teller', 3],
      ['auditor', 2],
      ['admin', 3],
      ['broken', 1],
    ] as const satisfies [ActorName, number][]
  ).map(([name, weight]) => ({
    weight,
    arbitrary: fc.constant(name),
  })),
)

function mostly<T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare })
}

function requestOf(operation: Operation, components: JsonObject): fc.Arbitrary<FuzzRequest> {
  const { method, body } = operation
  return fc
    .record({
      actor,
      path: pathOf(operation, components),
      headers: headersOf(operation),
      body: body === undefined ? fc.constant(undefined) : bodyOf(body, components),
    })
    .map((request) => ({ ...request, operation, method }))
}

function pathOf(operation: Operation, components: JsonObject): fc.Arbitrary<string> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path')
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query')
  const segments = fc.record(
    Object.fromEntries(inPath.map((parameter) => [parameter.name, segment(parameter, components)])),
  )
  const pairs = fc.tuple(...inQuery.map((parameter) => queryPair(parameter, components)))
  const stray = mostly(
    fc.constant(''),
    fc.constantFrom('unknown=1', 'limit=1&limit=2', '%', '&&'),
    20,
  )
  return fc.tuple(segments, pairs, stray).map(([values, query, more]) => {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
    const search = [...query, more].filter((part) => part !== '').join('&')
    return search === '' ? path : `${path}?${search}`
  })
}

const strangeSegments = fc.constantFrom(
  '%00',
  '%2e%2e',
  '%2f',
  '%ff',
  '%c0%af',
  'x'.repeat(300),
  '%',
)

function segment({ schema, name }: Parameter, components: JsonObject): fc.Arbitrary<string> {
  const usual = fitting(schema, components, name).map(encode)
  const strange = fc.oneof(junk.map(encode), strangeSegments)
  // Without anything there it is another path, which is no operation.
  return mostly(usual, strange).map((text) => (text === '' ? '%20' : text))
}

function queryPair(parameter: Parameter, components: JsonObject): fc.Arbitrary<string> {
  const { schema, name, required } = parameter
  const value = mostly(fitting(schema, components, name), junk).map(encode)
  const pair = value.map((text) => `${name}=${text}`)
  const absent = fc.constant('')
  return required ? mostly(pair, absent) : fc.oneof(pair, absent)
}

/** The names of known things stay as they are: what they stand for needs no escapes. */
function encode(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^§\w+:\d+§$/.test(text) ? text : encodeURIComponent(text.toWellFormed())
}

const idempotencyKey = fc.oneof(
  { weight: 6, arbitrary: known('once') },
  { weight: 2, arbitrary: fc.nat({ max: 30 }).map((index) => `shared-${index}`) },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(256), 'with blank', '\u00e9') },
)

function headersOf({ parameters, body }: Operation): fc.Arbitrary<Record<string, string>> {
  const hasKey = parameters.some(({ name }) => name === 'Idempotency-Key')
  const types = fc.constantFrom('text/plain', 'application/json; charset=utf-16', 'nonsense', '')
  const json = fc.constantFrom('application/json', 'application/json; charset=utf-8')
  return fc.record(
    {
      'content-type': body === undefined ? fc.constant('') : mostly(json, types, 30),
      'idempotency-key': hasKey ? mostly(idempotencyKey, fc.constant(''), 20) : fc.constant(''),
      'request-id': mostly(fc.constant(''), fc.constantFrom('mine', 'x'.repeat(5000)), 30),
    },
    { noNullPrototype: true },
  )
}

function bodyOf(
  schema: JsonObject,
  components: JsonObject,
): fc.Arbitrary<string | Buffer | undefined> {
  const value = fitting(schema, components)
  const text = mostly(value, fc.tuple(value, junk, fc.nat()).map(damage), 3).map((body) =>
    JSON.stringify(body),
  )
  const broken = fc.tuple(text, fc.nat({ max: 9 })).map(([json, way]) => breakText(json, way))
  return mostly<string | Buffer | undefined>(text, broken, 12)
}

/** One member replaced, removed or added; or another thing altogether. */
function damage([value, other, choice]: [unknown, unknown, number]): unknown {
  if (typeof value !== 'object' || value === null || choice % 7 === 0) return other
  const names = Object.keys(value)
  const name = names[choice % names.length] ?? 'unknown'
  const { [name]: _, ...rest } = { ...value } as Record<string, unknown>
  if (choice % 3 === 0) return rest
  if (choice % 3 === 1) return { ...value, [name]: other }
  return { ...value, [choice % 2 === 0 ? 'owner_id' : 'unknown']: other }
}

function breakText(json: string, way: number): string | Buffer | undefined {
  const ways: (string | Buffer | undefined)[] = [
    undefined,
    '',
    json.slice(0, -1),
    `${json}}`,
    `\uFEFF${json}`,
    json.replace('{', '{"a":1,"a":2,'),
    json.replace('{', '{"__proto__":{},'),
    json.replace(/:(\d+)/, ':$1.0'),
    '['.repeat(40) + ']'.repeat(40),
    Buffer.concat([Buffer.from(json), Buffer.from([0xff, 0xfe])]),
  ]
  return ways[way]
}

function unknownRequest(operations: readonly Operation[]): fc.Arbitrary<FuzzRequest> {
  const paths = operations.map(({ path }) => path.replaceAll(/\{\w+\}/g, 'x'))
  const strangePath = fc
    .tuple(fc.constantFrom(...paths), fc.nat({ max: 7 }), strangeSegments)
    .map(
      ([path, way, strange]) =>
        [
          path,
          `${path}/`,
          `/${path}`,
          path.toUpperCase(),
          `${path}/${strange}`,
          `${path}/../..`,
          path.replace('/v1', '/v2'),
          `/${strange}`,
        ][way] ?? path,
    )
  return fc
    .record({
      actor,
      path: strangePath,
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
    })
    .map((request) => ({ ...request, operation: undefined, headers: {}, body: undefined }))
}
