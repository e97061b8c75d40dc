import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import type { Routes } from './route.ts'
import { AmountSchema, idSchema, named, nullable, problems } from './schema.ts'
import { createHttpServer } from './server.ts'
import { testServerOptions } from './testing.ts'

const PaymentSchema = named(
  'Payment',
  Type.Object(
    {
      from_account_id: idSchema('acct'),
      to_account_id: idSchema('acct'),
      amount: AmountSchema,
      note: nullable(Type.String({ examples: ['for lunch'] })),
    },
    { additionalProperties: false },
  ),
)

const routes: Routes = async (app) => {
  app.post(
    '/v1/payments',
    {
      config: { access: ['teller'], idempotencyKey: 'required' },
      schema: {
        operationId: 'createPayment',
        tags: ['Payments'],
        summary: 'Pay',
        body: PaymentSchema,
        response: { 201: PaymentSchema, ...problems('account_not_found', 'insufficient_funds') },
      },
    },
    async ({ body }, reply) => reply.code(201).send(body),
  )
}

async function build(...plugins: Routes[]) {
  return createHttpServer({ ...testServerOptions, routes: plugins, onError: () => {} })
}

const answer = (...codes: string[]) => ({
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(
        codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
      ),
    },
  },
})
const other: Routes = async (app) => {
  const schema = named('Payment', Type.Object({ other: Type.String() }))
  app.get(
    '/other',
    { schema: { operationId: 'other', response: { 200: Type.Array(schema) } } },
    async () => [],
  )
  await app.register(routes)
}

const nameless: Routes = async (app) => {
  app.get('/nameless', { schema: { summary: 'none' } }, async () => null)
}

const { openApi } = await build(routes)

describe('the OpenAPI document', () => {
  const operation = { paths: { '/v1/payments': { post: expect.anything() } } }

  it('is OpenAPI 3.1 with the schemas under their names', () => {
    expect(openApi).toMatchObject({
      openapi: '3.1.0',
      ...operation,
      components: {
        schemas: {
          Payment: { properties: { note: { type: ['string', 'null'] } } },
          Problem: { properties: { code: { type: 'string' } } },
        },
        securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer' } },
      },
    })
  })

  it('refers to them, with an example put together from those of the members', () => {
    const content = {
      'application/json': {
        schema: { $ref: '#/components/schemas/Payment' },
        example: {
          from_account_id: 'acct_01h455vb4pex5vsknk084sn02q',
          to_account_id: 'acct_01h455vb4pex5vsknk084sn02z',
          amount: 1050,
          note: 'for lunch',
        },
      },
    }
    expect(openApi['paths']).toMatchObject({
      '/v1/payments': { post: { requestBody: { content }, responses: { 201: { content } } } },
    })
  })

  it('has the problems that a route has by its nature, and those that it names', () => {
    expect(openApi['paths']).toMatchObject({
      '/v1/payments': {
        post: {
          security: [{ bearerAuth: [] }],
          parameters: [{ name: 'Idempotency-Key', in: 'header', required: true }],
          responses: {
            400: answer('validation_failed', 'malformed_json', 'idempotency_key_missing'),
            401: answer('token_missing', 'token_expired'),
            403: answer('role_required'),
            404: answer('account_not_found'),
            422: answer('insufficient_funds', 'idempotency_key_reused'),
            500: answer('internal_error'),
            503: answer('overloaded'),
          },
        },
      },
    })
  })

  it('is what /openapi.json answers', async () => {
    const { app, openApi: document } = await build(routes)
    expect((await app.inject('/openapi.json')).json()).toEqual(document)
  })
})

describe('the server refuses to be built with', () => {
  it('two different schemas of one name', async () => {
    await expect(build(other)).rejects.toThrow('two schemas are named Payment')
  })

  it('a route without an operationId', async () => {
    await expect(build(nameless)).rejects.toThrow('GET /nameless has no operationId')
  })
})
