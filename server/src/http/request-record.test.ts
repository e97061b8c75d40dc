import { expect, test, describe, it } from 'vitest'
import { Type } from 'typebox'
import { traceIdOf, type RequestRecord } from './request-record.ts'
import type { Routes } from './route.ts'
import { asUser, buildTestApp } from './testing.ts'

const alice = '01900000-0000-7000-8000-00000000000a'

const routes: Routes = async (app) => {
  app.get(
    '/v1/things/:id',
    { schema: { operationId: 'thing', params: Type.Object({ id: Type.String() }) } },
    async ({ params }) => params,
  )
}

const app = await buildTestApp({ routes: [routes] })

describe('the request id', () => {
  it.each(['request-id', 'x-request-id'])(
    'is the %s of the client where it is plain',
    async (name) => {
      const response = await app.inject({ url: '/livez', headers: { [name]: 'My.id_1-2' } })
      expect(response.headers['request-id']).toBe('My.id_1-2')
    },
  )

  it.each([
    ['too long', 'a'.repeat(65)],
    ['spaces', 'a b'],
    ['a line break', 'a\r\nset-cookie: b'],
    ['empty', ''],
  ])('is one of ours where the client sends one with %s', async (_, id) => {
    const response = await app.inject({ url: '/livez', headers: { 'request-id': id } })
    expect(response.headers['request-id']).toMatch(/^req_[0-9a-z]{26}$/)
  })
})

test('each request leaves one record, without query, headers or body', async () => {
  const records: RequestRecord[] = []
  const logging = await buildTestApp({
    routes: [routes],
    onRequestDone: (record) => records.push(record),
  })
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const url = '/v1/things/acct_01h455vb4pex5vsknk084sn02q?secret=1'
  await logging.inject({
    url,
    headers: {
      ...asUser(alice),
      'request-id': 'r1',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
  })
  await logging.inject({ url: '/v1/nothing', headers: { traceparent: 'garbage' } })
  expect(records).toEqual([
    {
      requestId: 'r1',
      traceId,
      method: 'GET',
      route: '/v1/things/:id',
      path: '/v1/things/acct_01h455vb4pex5vsknk084sn02q',
      status: 200,
      problemCode: undefined,
      durationMilliseconds: expect.any(Number),
      userId: alice,
      remoteAddress: '127.0.0.1',
      isAnswered: expect.any(Boolean),
    },
    expect.objectContaining({
      route: undefined,
      status: 404,
      problemCode: 'route_not_found',
      traceId: undefined,
      userId: undefined,
    }),
  ])
})

test('X-Forwarded-For is believed only from a trusted proxy', async () => {
  const addresses: string[] = []
  const options = {
    routes: [],
    onRequestDone: ({ remoteAddress }: RequestRecord) => addresses.push(remoteAddress),
  }
  const forged = { 'x-forwarded-for': '203.0.113.9' }
  const direct = await buildTestApp(options)
  await direct.inject({ url: '/livez', headers: forged })
  const proxied = await buildTestApp({ ...options, trustedProxies: ['127.0.0.1'] })
  await proxied.inject({ url: '/livez', headers: forged })
  expect(addresses).toEqual(['127.0.0.1', '203.0.113.9'])
})

test.each([
  ['version ff', `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['a parent of zeros', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['capital letters', `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`],
])('a traceparent with %s names no trace', (_, header) => {
  expect(traceIdOf(header)).toBeUndefined()
  expect(traceIdOf(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)).toBe('a'.repeat(32))
})
