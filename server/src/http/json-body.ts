/**
 * Bodies: `application/json` in UTF-8 and nothing else, read through the strict scanner.
 *
 * NOTE: the bytes are bounded by the server's `bodyLimit` before they come here.
 */
import { Ajv, type AnySchema } from 'ajv'
import type { FastifyInstance, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { createJsonScanner, jsonRules, type JsonFinding } from './json-scanner.ts'
import { problem, type ProblemError } from './problem.ts'
import { validatorOptions } from './validation.ts'

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
      const { schema, config } = request.routeOptions
      const isWanted = schema?.body !== undefined && config.isBodyOptional !== true
      if (body.length === 0 && !isWanted) return done(null, undefined)
      if (!isPlainJson(request)) return done(problem('unsupported_media_type'))
      const finding = scan(body)
      if (finding !== undefined) return done(malformedJson(finding))
      const value: unknown = JSON.parse(body.toString())
      done(null, value)
    },
  )
}

/**
 * Within one plugin, leaves bodies as the bytes that they are, up to `bodyLimit`: for handlers that
 * have them read elsewhere than on the event loop. Their routes have `acceptBodyBytes`.
 */
export function addJsonBytes(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit },
    function passBytes(request, body, done) {
      if (!isPlainJson(request)) return done(problem('unsupported_media_type'))
      done(null, body)
    },
  )
}

/** The `validatorCompiler` of a route whose handler reads the bytes of the body itself. */
export const acceptBodyBytes: FastifySchemaCompiler<AnySchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? () => true : new Ajv(validatorOptions).compile(schema)

function isPlainJson({ headers }: FastifyRequest): boolean {
  if (headers['content-encoding'] !== undefined) return false
  const type = headers['content-type'] ?? ''
  return type === 'application/json' || jsonInUtf8.test(type)
}

/** The problem for bytes that the scanner refuses. */
export function malformedJson({ rule, pointer }: JsonFinding): ProblemError {
  const detail = jsonRules[rule]
  return problem('malformed_json', {
    detail: pointer === '' ? detail : `${pointer}: ${detail}`,
    errors: [{ pointer, code: rule, detail }],
  })
}
