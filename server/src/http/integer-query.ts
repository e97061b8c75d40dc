/**
 * Integers in the query. Everything in a query is text, and nothing in this server guesses types;
 * a parameter whose schema says `integer` is converted here, when it is written in digits only.
 * Any other text stays text, and the validator says what is wrong with it.
 */
import type { FastifyInstance } from 'fastify'

const canonicalInteger = /^(?:0|-?[1-9][0-9]{0,15})$/

/** Converts for each route that is added from now on and that has integers in its query. */
export function addIntegerQuery(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const names = integersOf(route.schema?.querystring)
    if (names.length === 0) return
    const others = route.preValidation === undefined ? [] : [route.preValidation].flat()
    route.preValidation = [
      (request, _reply, done) => {
        if (isRecord(request.query)) convert(request.query, names)
        done()
      },
      ...others,
    ]
  })
}

function integersOf(schema: unknown): string[] {
  if (!isRecord(schema) || !isRecord(schema['properties'])) return []
  return Object.entries(schema['properties'])
    .filter(([, property]) => isRecord(property) && property['type'] === 'integer')
    .map(([name]) => name)
}

function convert(query: Record<string, unknown>, names: readonly string[]): void {
  for (const name of names) {
    const text = query[name]
    if (typeof text === 'string' && canonicalInteger.test(text)) query[name] = Number(text)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
