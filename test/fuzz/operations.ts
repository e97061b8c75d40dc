/** What the OpenAPI document promises, as a list of operations. */
import {
  isJsonObject,
  objectAt,
  objectsIn,
  type JsonObject,
} from '../../server/src/http/json-object.ts'

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: JsonObject
}

export interface Answer {
  /** The schema by media type. */
  content: ReadonlyMap<string, JsonObject>
  /** The codes that problem documents of this status may have. */
  problemCodes: ReadonlySet<string>
}

export interface Operation {
  id: string
  method: string
  /** With `{name}` in the place of path parameters. */
  path: string
  parameters: readonly Parameter[]
  body: JsonObject | undefined
  isPublic: boolean
  answers: ReadonlyMap<number, Answer>
}

export function readOperations(document: JsonObject): Operation[] {
  return objectsIn(objectAt(document, 'paths')).flatMap(([path, item]) =>
    objectsIn(item).map(([method, operation]) => ({
      id: String(operation['operationId']),
      method: method.toUpperCase(),
      path,
      parameters: listAt(operation, 'parameters').flatMap(readParameter),
      body: readBody(operation),
      isPublic: listAt(operation, 'security').length === 0,
      answers: new Map(
        objectsIn(objectAt(operation, 'responses')).map(([status, answer]) => [
          Number(status),
          readAnswer(answer),
        ]),
      ),
    })),
  )
}

function readParameter(value: unknown): Parameter[] {
  if (!isJsonObject(value)) return []
  const place = value['in']
  if (place !== 'path' && place !== 'query' && place !== 'header') return []
  const schema = objectAt(value, 'schema')
  const required = value['required'] === true || place === 'path'
  return [{ name: String(value['name']), in: place, required, schema }]
}

function readBody(operation: JsonObject): JsonObject | undefined {
  if (!isJsonObject(operation['requestBody'])) return undefined
  const content = objectAt(operation['requestBody'], 'content')
  return objectAt(objectAt(content, 'application/json'), 'schema')
}

function readAnswer(answer: JsonObject): Answer {
  const media = isJsonObject(answer['content']) ? objectsIn(answer['content']) : []
  const examples = media.flatMap(([, { examples: named }]) =>
    isJsonObject(named) ? Object.keys(named) : [],
  )
  return {
    content: new Map(media.map(([type, { schema }]) => [type, isJsonObject(schema) ? schema : {}])),
    problemCodes: new Set(examples),
  }
}

function listAt(parent: JsonObject, key: string): unknown[] {
  const value = parent[key]
  return Array.isArray(value) ? value : []
}
