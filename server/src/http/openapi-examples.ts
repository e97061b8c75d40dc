/** An example of a whole body, put together from the examples of its members. */
import { assert } from '../kernel/assert.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'

/** `schemas` is `components/schemas`. Optional members are shown where they have an example. */
export function exampleOf(schema: unknown, schemas: JsonObject): unknown {
  if (!isJsonObject(schema)) return undefined
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].replace('#/components/schemas/', '')
    assert(name in schemas, `there is no schema ${schema['$ref']}`)
    return exampleOf(schemas[name], schemas)
  }
  if (Array.isArray(schema['examples'])) return schema['examples'][0]
  if ('example' in schema) return schema['example']
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if ('default' in schema) return schema['default']
  if (Array.isArray(schema['anyOf'])) return exampleOf(schema['anyOf'][0], schemas)
  return exampleOfType(schema, schemas)
}

function exampleOfType(schema: JsonObject, schemas: JsonObject): unknown {
  const types = [schema['type']].flat()
  if (types.includes('object')) return exampleOfObject(schema, schemas)
  if (types.includes('array')) return [exampleOf(schema['items'], schemas)]
  if (types.includes('null')) return null
  if (types.includes('integer')) return schema['minimum'] ?? 1
  if (types.includes('boolean')) return true
  return 'string'
}

function exampleOfObject(schema: JsonObject, schemas: JsonObject): JsonObject {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  const example: JsonObject = {}
  for (const [name, member] of Object.entries(propertiesOf(schema))) {
    const isShown = required.has(name) || (isJsonObject(member) && 'examples' in member)
    if (isShown) example[name] = distinctId(exampleOf(member, schemas), Object.values(example))
  }
  return example
}

function propertiesOf(schema: JsonObject): JsonObject {
  return isJsonObject(schema['properties']) ? schema['properties'] : {}
}

// All ids of one kind have the same example, but a transfer from an account to itself is refused.
function distinctId(value: unknown, others: readonly unknown[]): unknown {
  const isTaken = typeof value === 'string' && value.startsWith('acct_') && others.includes(value)
  return isTaken ? `${value.slice(0, -1)}z` : value
}
