/**
 * Integers and booleans in the query. Everything in a query is text, and nothing in this server
 * guesses types; a parameter whose schema says `integer` is converted here, when it is written in
 * digits only, and one that says `boolean`, when it is `true` or `false`. Any other text stays text,
 * and the validator says what is wrong with it.
 */
import type { FastifyInstance } from 'fastify'

const canonicalInteger = /^(?:0|-?[1-9][0-9]{0,15})$/

/** Converts for each route that is added from now on and that has such parameters. */
export function addIntegerQuery(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const integers = namesOf(route.schema?.querystring, 'integer')
    const booleans = namesOf(route.schema?.querystring, 'boolean')
    if (integers.length + booleans.length === 0) return
    const others = route.preValidation === undefined ? [] : [route.preValidation].flat()
    route.preValidation = [
      (request, _reply, done) => {
        if (isRecord(request.query)) convert(request.query, integers, booleans)
        done()
      },
      ...others,
    ]
  })
}

function namesOf(schema: unknown, type: 'integer' | 'boolean'): string[] {
  if (!isRecord(schema) || !isRecord(schema['properties'])) return []
  return Object.entries(schema['properties'])
    .filter(([, property]) => isRecord(property) && property['type'] === type)
    .map(([name]) => name)
}

function convert(
  query: Record<string, unknown>,
  integers: readonly string[],
  booleans: readonly string[],
): void {
  for (const name of integers) {
    const text = query[name]
    if (typeof text === 'string' && canonicalInteger.test(text)) query[name] = Number(text)
  }
  for (const name of booleans) {
    const text = query[name]
    if (text === 'true' || text === 'false') query[name] = text === 'true'
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
