/** Reading and completing JSON whose type is not known, such as the OpenAPI document. */
import { assert } from '../kernel/assert.ts'

export type JsonObject = Record<string, unknown>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object that is the value of a member; it is made when there is none. */
export function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = (parent[key] ??= {})
  assert(isJsonObject(value), `${key} is not an object`)
  return value
}

/** The members of an object whose values are all objects. */
export function objectsIn(parent: JsonObject): [string, JsonObject][] {
  return Object.keys(parent).map((key) => [key, objectAt(parent, key)])
}
