/**
 * From JSON Schema to values that fit it, and to values that do not. Where a thing of the bank is
 * meant, the value is a name such as `§acct:3§`, which stands for the third account that is known
 * when the request is sent: so the same seed gives the same requests on every bank.
 */
import * as fc from 'fast-check'
import { isJsonObject, objectAt, type JsonObject } from '../../server/src/http/json-object.ts'

/** A value that stands for one of the things of that kind that are known. */
export function known(kind: string): fc.Arbitrary<string> {
  return fc.nat({ max: 30 }).map((index) => `§${kind}:${index}§`)
}

/** Mostly one of those that have euros from the beginning: of all others few can pay each other. */
const account = fc.oneof(
  { weight: 2, arbitrary: known('euros') },
  { weight: 1, arbitrary: known('acct') },
)

/** By the name of a member: values that get further than any of the same form would. */
const likely: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'KRW', 'KWD', 'XXX'),
  from_account_id: account,
  to_account_id: account,
  username: known('username'),
  email: fc.oneof(
    known('email'),
    known('fresh').map((name) => `${name}@example.com`),
  ),
  password: known('password'),
  current_password: known('password'),
  refresh_token: known('refresh'),
  cursor: known('cursor'),
  code: fc.oneof(
    fc.constantFrom('insufficient_funds', 'fees', 'settlement:sepa', '123456', 'nonsense'),
    known('totp'),
  ),
  token: known('link'),
  challenge: known('challenge'),
  via: fc.constantFrom('cash', 'fees', 'settlement:sepa', 'nowhere'),
  per_transfer: fc.constantFrom(null, 1_000_000, 2000, 100),
  per_day: fc.constantFrom(null, 1_000_000, 5000),
  at: fc.constantFrom('2020-01-01T00:00:00Z', '2026-01-15T09:30:00.000Z', '2100-01-01T00:00:00Z'),
  seq: fc.nat({ max: 3 }),
  amount: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 2000 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, 100_000_000_000, 0) },
  ),
}

/** Values that fit a schema of the document. */
export function fitting(
  schema: JsonObject,
  components: JsonObject,
  name?: string,
): fc.Arbitrary<unknown> {
  const plain = plainOf(schema, components)
  const better = name === undefined ? undefined : likely[name]
  if (better === undefined) return plain
  return fc.oneof({ weight: 5, arbitrary: better }, { weight: 1, arbitrary: plain })
}

function plainOf(schema: JsonObject, components: JsonObject): fc.Arbitrary<unknown> {
  if (typeof schema['$ref'] === 'string') {
    const target = objectAt(components, schema['$ref'].split('/').at(-1) ?? '')
    return fitting(target, components)
  }
  if (Array.isArray(schema['enum'])) return fc.constantFrom<unknown>(...schema['enum'])
  if ('const' in schema) return fc.constant(schema['const'])
  const choices = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(choices)) {
    return fc.oneof(...choices.filter(isJsonObject).map((choice) => fitting(choice, components)))
  }
  const { type } = schema
  if (Array.isArray(type)) {
    return fc.oneof(...type.map((one) => plainOf({ ...schema, type: one }, components)))
  }
  switch (type) {
    case 'string':
      return textOf(schema)
    case 'integer':
    case 'number':
      return fc.integer({
        min: numberAt(schema, 'minimum', -1000),
        max: numberAt(schema, 'maximum', 100_000),
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(fitting(objectAt(schema, 'items'), components), {
        minLength: numberAt(schema, 'minItems', 0),
        maxLength: Math.min(numberAt(schema, 'maxItems', 5), 5),
      })
    default:
      return objectOf(schema, components)
  }
}

function objectOf(schema: JsonObject, components: JsonObject): fc.Arbitrary<JsonObject> {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  const names = Object.keys(properties)
  const more = schema['additionalProperties']
  if (names.length === 0 && isJsonObject(more)) {
    const key = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text !== '__proto__')
    return fc.dictionary(key, fitting(more, components), { maxKeys: 4, noNullPrototype: true })
  }
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : []
  const model = Object.fromEntries(
    names.map((name) => [name, fitting(objectAt(properties, name), components, name)]),
  )
  return fc.record(model, { requiredKeys: required, noNullPrototype: true })
}

function textOf(schema: JsonObject): fc.Arbitrary<string> {
  const { pattern, format, examples } = schema
  const minLength = numberAt(schema, 'minLength', 0)
  const maxLength = Math.min(numberAt(schema, 'maxLength', 40), minLength + 40)
  if (format === 'date-time') {
    const date = fc.date({
      min: new Date('2020-01-01T00:00:00Z'),
      max: new Date('2030-01-01T00:00:00Z'),
      noInvalidDate: true,
    })
    return date.map((moment) => moment.toISOString())
  }
  if (typeof pattern !== 'string') return fc.string({ unit: 'grapheme', minLength, maxLength })
  const prefix = /^\^([a-z]+)_\[0-7\]/.exec(pattern)?.[1]
  if (prefix !== undefined) return known(prefix)
  // Of patterns with assertions no text can be made: the examples have to do.
  if (!pattern.includes('(?')) return fc.stringMatching(new RegExp(pattern))
  return Array.isArray(examples) && examples.length > 0
    ? fc.constantFrom(...examples.map(String))
    : fc.string({ minLength, maxLength })
}

/** Values that hardly fit anywhere. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    2 ** 63,
    '',
    ' ',
    'x'.repeat(300),
    'x'.repeat(10_240),
    'a\u0000b',
    '\uD800',
    '\u202Edcba',
    'line\r\nbreak',
    "'; drop table account; --",
    '2026-02-30T00:00:00.000Z',
    [],
    {},
    [[[]]],
    { constructor: { prototype: 1 } },
  ),
  known('user'),
  known('acct'),
  known('cursor'),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.maxSafeInteger(),
  fc.double(),
)

function numberAt(schema: JsonObject, key: string, otherwise: number): number {
  const value = schema[key]
  return typeof value === 'number' ? value : otherwise
}
