/**
 * Bodies: `application/json` in UTF-8 and nothing else, read through the strict scanner.
 *
 * NOTE: the bytes are bounded by the server's `bodyLimit` before they come here.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createJsonScanner, jsonRules, type JsonFinding } from './json-scanner.ts'
import { problem, type ProblemError } from './problem.ts'

const jsonInUtf8 = /^application\/json[\t ]*(?:;[\t ]*charset="?utf-8"?[\t ]*)?$/i

/** Replaces Fastify's own parsers. */
export function addJsonBody(app: FastifyInstance): void {
  const scan = createJsonScanner()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    function parseJson(request, body, done) {
      // Some clients name a type also where they send nothing, and nothing is wanted.
      const isWanted = request.routeOptions.schema?.body !== undefined
      if (body.length === 0 && !isWanted) return done(null, undefined)
      if (!isPlainJson(request)) return done(problem('unsupported_media_type'))
      const finding = scan(body)
      if (finding !== undefined) return done(malformed(finding))
      const value: unknown = JSON.parse(body.toString())
      done(null, value)
    },
  )
}

function isPlainJson({ headers }: FastifyRequest): boolean {
  if (headers['content-encoding'] !== undefined) return false
  const type = headers['content-type'] ?? ''
  return type === 'application/json' || jsonInUtf8.test(type)
}

function malformed({ rule, pointer }: JsonFinding): ProblemError {
  const detail = jsonRules[rule]
  return problem('malformed_json', {
    detail: pointer === '' ? detail : `${pointer}: ${detail}`,
    errors: [{ pointer, code: rule, detail }],
  })
}
