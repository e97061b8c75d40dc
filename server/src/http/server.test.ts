import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { Fault } from '../kernel/fault.ts'
import { idempotencyKey } from './idempotency.ts'
import { parsePage } from './paging.ts'
import type { Routes } from './route.ts'
import { AmountSchema, idSchema, pageQuery } from './schema.ts'
import { asUser, buildTestApp } from './testing.ts'

const alice = '01900000-0000-7000-8000-00000000000a'
const headers = { ...asUser(alice), 'content-type': 'application/json' }

const PaymentSchema = Type.Object(
  {
    amount: AmountSchema,
    memo: Type.Optional(Type.String({ maxLength: 5 })),
    lines: Type.Optional(Type.Array(Type.Object({ amount: AmountSchema }))),
  },
  { additionalProperties: false },
)

const routes: Routes = async (app) => {
  app.post(
    '/v1/payments',
    { schema: { operationId: 'pay', body: PaymentSchema, response: { 201: PaymentSchema } } },
    async (request, reply) => reply.code(201).send(request.body),
  )
  app.post('/v1/keys', { schema: { operationId: 'key' } }, async (request) => ({
    key: idempotencyKey(request),
  }))
  app.get(
    '/v1/things',
    {
      schema: {
        operationId: 'things',
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
      },
    },
    async (request) => parsePage(request.query, { list: 'things', userId: alice }),
  )
  app.get(
    '/v1/things/:id',
    { schema: { operationId: 'thing', params: Type.Object({ id: idSchema('acct') }) } },
    async ({ params }) => params,
  )
  app.get('/v1/failures/:code', { schema: { operationId: 'fail' } }, async ({ url }) => {
    throw failures[url.slice('/v1/failures/'.length)] ?? 'not even an error'
  })
}

const failures: Record<string, Error> = {
  defect: new TypeError('secret_column is undefined'),
  overloaded: new Fault('overloaded', 'queue is full'),
  unavailable: new Fault('unavailable', 'no database'),
  shutting_down: new Fault('shutting_down', 'stopping'),
  outcome_unknown: new Fault('outcome_unknown', 'COMMIT was not answered'),
}

const app = await buildTestApp({ routes: [routes] })

const paddedTo = (size: number) => `{"amount":1${' '.repeat(size - 12)}}`

function sendKey(more: Record<string, string>) {
  return app.inject({ method: 'POST', url: '/v1/keys', headers: { ...asUser(alice), ...more } })
}

function pay(payload: string, more: Record<string, string> = {}) {
  return app.inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { ...headers, ...more },
    payload,
  })
}

describe('every refusal is a problem document', () => {
  it('with all fixed members, the id of the request and nothing to store', async () => {
    const response = await app.inject('/v1/nothing')
    expect(response.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
    expect(response.json()).toEqual({
      type: '/problems/route_not_found',
      title: 'There is no such path',
      status: 404,
      detail: 'There is no such path',
      code: 'route_not_found',
      request_id: response.headers['request-id'],
      retry: 'never',
    })
  })

  it.each([
    ['unexpected member', '{"amount":1,"owner_id":"x"}', '/owner_id', 'additionalProperties'],
    ['missing member', '{}', '/amount', 'required'],
    ['wrong type', '{"amount":"1050"}', '/amount', 'type'],
    ['null', '{"amount":null}', '/amount', 'type'],
    ['zero', '{"amount":0}', '/amount', 'minimum'],
    ['negative', '{"amount":-5}', '/amount', 'minimum'],
    ['too long', '{"amount":1,"memo":"123456"}', '/memo', 'maxLength'],
    ['inside', '{"amount":1,"lines":[{"amount":1},{"amount":[]}]}', '/lines/1/amount', 'type'],
    ['odd names', '{"amount":1,"a/b~":1}', '/a~1b~0', 'additionalProperties'],
    ['array at the top', '[]', '', 'type'],
    ['null at the top', 'null', '', 'type'],
  ])('validation_failed: %s', async (_, body, pointer, code) => {
    const response = await pay(body)
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer, code }],
    })
  })

  it('validation_failed names everything at once, but not without end', async () => {
    const few = await pay('{"amount":0,"memo":"123456","x":1}')
    expect(few.json<{ errors: unknown[] }>().errors).toHaveLength(3)
    const members = Array.from({ length: 5_000 }, (_, index) => `"m${index}":1`)
    const many = await pay(`{${members.join()}}`)
    expect(many.json<{ errors: unknown[] }>().errors).toHaveLength(20)
  })

  it('an amount that is no whole number of minor units gets a hint', async () => {
    for (const amount of ['10.50', '"10.50"', '1e3', '0']) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await pay(`{"amount":${amount}}`)).body).toContain('1050 is 10.50 EUR')
    }
  })

  it.each([
    ['duplicate_member', '{"amount":1,"amount":2}', '/amount'],
    ['proto_member', '{"__proto__":{}}', '/__proto__'],
    ['number_form', '{"amount":1.0}', '/amount'],
    ['number_range', '{"amount":9007199254740992}', '/amount'],
    ['empty', '', ''],
    ['truncated', '{"amount":1', '/amount'],
  ])('malformed_json: %s', async (rule, body, pointer) => {
    const response = await pay(body)
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({
      code: 'malformed_json',
      errors: [{ pointer, code: rule }],
    })
  })

  it.each([
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }],
    ['another JSON', { 'content-type': 'application/problem+json' }],
    ['nothing', { 'content-type': '' }],
    ['gzip', { 'content-encoding': 'gzip' }],
  ])('unsupported_media_type: %s', async (_, more) => {
    const response = await pay('{"amount":1}', more)
    expect(response.statusCode).toBe(415)
    expect(response.json()).toMatchObject({ code: 'unsupported_media_type' })
  })

  it.each(['application/json; charset=utf-8', 'application/JSON;charset="UTF-8"'])(
    '%s is fine',
    async (type) => {
      expect((await pay('{"amount":1}', { 'content-type': type })).statusCode).toBe(201)
    },
  )

  it('body_too_large: one byte over the limit, and not one before', async () => {
    expect((await pay(paddedTo(1024 * 1024))).statusCode).toBe(201)
    const response = await pay(paddedTo(1024 * 1024 + 1))
    expect(response.statusCode).toBe(413)
    expect(response.json()).toMatchObject({ code: 'body_too_large' })
  })

  it.each([
    ['/v1/Things', 404, 'route_not_found'],
    ['/v1/things/', 404, 'route_not_found'],
    ['/v1/things/?limit=1', 404, 'route_not_found'],
    ['/v1/things/x?a=//', 400, 'validation_failed'],
    ['//v1/things', 404, 'route_not_found'],
    ['/v1//things', 404, 'route_not_found'],
    ['/v1/things%2f1', 404, 'route_not_found'],
    ['/v1/things/%00', 400, 'validation_failed'],
    ['/v1/things/%', 400, 'malformed_request'],
    ['/v1/things/%c0%af', 400, 'malformed_request'],
    ['/v1/things/user_01h455vb4pex5vsknk084sn02q', 400, 'validation_failed'],
    [`/v1/things/${'a'.repeat(10_240)}`, 414, 'uri_too_long'],
  ])('%s', async (url, status, code) => {
    const response = await app.inject({ url, headers })
    expect(response.json()).toMatchObject({ status, code })
    expect(response.statusCode).toBe(status)
    expect(response.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'request-id': response.json<{ request_id: string }>().request_id,
    })
  })

  it('method_not_allowed says which methods there are', async () => {
    const response = await app.inject({ method: 'DELETE', url: '/v1/things?limit=1', headers })
    expect(response.statusCode).toBe(405)
    expect(response.headers['allow']).toBe('GET, HEAD')
    expect(response.json()).toMatchObject({ code: 'method_not_allowed' })
  })
})

describe('the query', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e9', 'limit'],
    ['limit=', 'limit'],
    ['limit=05', 'limit'],
    ['limit=5.0', 'limit'],
    ['limit=%205', 'limit'],
    ['limit=5&limit=5', 'limit'],
    ['cursor=a&cursor=b', 'cursor'],
    ['cursor=', 'cursor'],
    ['sort=amount', 'sort'],
    ['cursor=a%00b', 'cursor'],
  ])('InvalidLimit and the like: %s', async (query, pointer) => {
    const response = await app.inject({ url: `/v1/things?${query}`, headers })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] })
  })

  it('InvalidCursor', async () => {
    const response = await app.inject({ url: '/v1/things?cursor=abc', headers })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'invalid_cursor' })
  })

  it('integers arrive as numbers', async () => {
    const response = await app.inject({ url: '/v1/things?limit=100', headers })
    expect(response.json()).toEqual({ limit: 100 })
  })
})

describe('the idempotency key', () => {
  it('idempotency_key_missing', async () => {
    expect((await sendKey({})).json()).toMatchObject({
      code: 'idempotency_key_missing',
      status: 400,
    })
  })

  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['a blank', 'a b'],
    ['beyond ASCII', 'ké'],
  ])('idempotency_key_invalid: %s', async (_, key) => {
    const response = await sendKey({ 'idempotency-key': key })
    expect(response.json()).toMatchObject({ code: 'idempotency_key_invalid', status: 400 })
  })

  it('255 visible characters are one', async () => {
    const key = '~'.repeat(255)
    expect((await sendKey({ 'idempotency-key': key })).json()).toEqual({ key })
  })
})

describe('failures of ours', () => {
  it.each(['overloaded', 'unavailable', 'shutting_down', 'outcome_unknown'])(
    '%s is a 503 that says when and how to try again',
    async (code) => {
      const response = await app.inject({ url: `/v1/failures/${code}`, headers: asUser(alice) })
      expect(response.statusCode).toBe(503)
      expect(response.headers['retry-after']).toBe('1')
      expect(response.json()).toMatchObject({ code, retry: 'same_key' })
    },
  )

  it.each(['defect', 'nonsense'])(
    'internal_error: %s tells no more than the request id',
    async (kind) => {
      app.loggedErrors.length = 0
      const response = await app.inject({ url: `/v1/failures/${kind}`, headers: asUser(alice) })
      expect(response.statusCode).toBe(500)
      expect(response.json()).toEqual({
        type: '/problems/internal_error',
        title: 'Something went wrong inside the bank',
        status: 500,
        detail: 'Something went wrong inside the bank',
        code: 'internal_error',
        request_id: response.headers['request-id'],
        retry: 'same_key',
      })
      expect(app.loggedErrors).toHaveLength(1)
    },
  )
})
