import { describe, expect, it, test, vi } from 'vitest'
import { createRateLimits, type RateLimits } from '../rate-limits/rate-limits.ts'
import type { Routes } from './route.ts'
import { asUser, buildTestApp } from './testing.ts'

const routes: Routes = async (app) => {
  const open = { access: 'public' } as const
  app.get('/open', { config: open, schema: { operationId: 'open' } }, async () => 'ok')
  app.get('/mine', { schema: { operationId: 'mine' } }, async () => 'ok')
  app.post('/mine', { schema: { operationId: 'change' } }, async () => 'ok')
  app.post(
    '/money',
    { config: { idempotencyKey: 'required' }, schema: { operationId: 'money' } },
    async () => 'ok',
  )
  app.post('/try', { config: open, schema: { operationId: 'try' } }, async (_request, reply) => {
    await reply.limitTries('login', 'alice')
    await reply.triesSucceeded('login', 'alice')
    return 'ok'
  })
}

const rate = { count: 10, periodMilliseconds: 60_000 }
const state = { name: 'login', rate, remaining: 3, fullMilliseconds: 41_500 }
const fields = {
  'ratelimit-policy': '"login";q=10;w=60',
  ratelimit: '"login";r=3;t=42',
}
const alice = '00000000-0000-7000-8000-000000000001'

/** Limits that say what they are told to, and keep what they were asked. */
function createLimits(isAllowed: boolean) {
  const verdict = isAllowed
    ? { isAllowed, state }
    : { isAllowed, state: { ...state, remaining: 0 }, waitMilliseconds: 7_001 }
  const limits = {
    consume: vi.fn<RateLimits['consume']>(async () => verdict),
    succeed: vi.fn<RateLimits['succeed']>(async () => {}),
    countRequest: vi.fn<RateLimits['countRequest']>(() => verdict),
  }
  return limits
}

describe('what is limited', () => {
  it.each([
    ['GET', '/open', {}, 'public', '192.0.2.7'],
    ['GET', '/mine', asUser(alice), 'read', `user ${alice}`],
    ['POST', '/mine', asUser(alice), 'write', `user ${alice}`],
    ['POST', '/money', asUser(alice), 'money', `user ${alice}`],
  ] as const)('%s %s', async (method, url, headers, name, subject) => {
    const limits = createLimits(true)
    const app = await buildTestApp({ routes: [routes], rateLimits: limits })
    const response = await app.inject({ method, url, headers, remoteAddress: '192.0.2.7' })
    expect(response.statusCode).toBe(200)
    expect(response.headers).toMatchObject(fields)
    expect(limits.countRequest.mock.calls).toEqual([[name, subject]])
  })

  it.each([
    ['no token', {}],
    ['another scheme', { authorization: 'Basic abc' }],
    ['no token behind the scheme', { authorization: 'Bearer' }],
    ['a token that is none', { authorization: 'Bearer nonsense' }],
  ])('a request with %s, for its address', async (_, headers) => {
    const limits = createLimits(true)
    const app = await buildTestApp({ routes: [routes], rateLimits: limits })
    const response = await app.inject({ url: '/mine', headers, remoteAddress: '192.0.2.7' })
    expect(response.statusCode).toBe(401)
    expect(response.headers).toMatchObject({ ...fields, 'www-authenticate': expect.any(String) })
    expect(limits.countRequest.mock.calls).toEqual([['bad_token', '192.0.2.7']])
  })

  it('a token that is too old is not', async () => {
    const limits = createLimits(false)
    const app = await buildTestApp({
      routes: [routes],
      rateLimits: limits,
      authenticate: async () => ({ ok: false, code: 'token_expired' }),
    })
    const response = await app.inject({ url: '/mine', headers: asUser(alice) })
    expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([
      401,
      'token_expired',
    ])
    expect(limits.countRequest).not.toHaveBeenCalled()
  })

  it('probes are not', async () => {
    const limits = createLimits(false)
    const app = await buildTestApp({ routes: [routes], rateLimits: limits })
    expect((await app.inject('/livez')).statusCode).toBe(200)
    expect((await app.inject('/readyz')).statusCode).toBe(200)
  })

  it('nothing is without limits, and nothing says so', async () => {
    const app = await buildTestApp({ routes: [routes] })
    const response = await app.inject({ method: 'POST', url: '/try' })
    expect(response.statusCode).toBe(200)
    expect(response.headers).not.toHaveProperty('ratelimit')
  })
})

describe('rate_limited', () => {
  it.each([
    ['GET', '/open', {}],
    ['GET', '/mine', asUser(alice)],
    ['GET', '/mine', {}],
    ['GET', '/mine', { authorization: 'Bearer nonsense' }],
  ] as const)('%s %s says how long to wait', async (method, url, headers) => {
    const limits = createLimits(false)
    const app = await buildTestApp({ routes: [routes], rateLimits: limits })
    const response = await app.inject({ method, url, headers })
    expect(response.statusCode).toBe(429)
    expect(response.headers).toMatchObject({
      'retry-after': '8',
      'ratelimit-policy': '"login";q=10;w=60',
      ratelimit: '"login";r=0;t=42',
      'content-type': 'application/problem+json',
    })
    expect(response.json()).toMatchObject({ code: 'rate_limited', limit: 'login' })
  })

  it('a try that is refused is not made', async () => {
    const limits = createLimits(false)
    limits.countRequest.mockReturnValue({ isAllowed: true, state: undefined })
    const app = await buildTestApp({ routes: [routes], rateLimits: limits })
    const response = await app.inject({ method: 'POST', url: '/try', remoteAddress: '192.0.2.7' })
    expect(response.json()).toMatchObject({ status: 429, code: 'rate_limited' })
    expect(limits.consume.mock.calls).toEqual([
      ['login', { source: '192.0.2.7', account: 'alice' }],
    ])
    expect(limits.succeed).not.toHaveBeenCalled()
  })
})

test('bad tokens from an address are refused after some, and good ones from there never', async () => {
  const rates = { bad_token: { count: 3, periodMilliseconds: 60_000 } }
  const requests = { public: undefined, read: undefined, write: undefined, money: undefined }
  const tries = { sign_up: {}, login: {}, password_reset: {}, second_factor: {} }
  const rateLimits = createRateLimits({
    database: { transaction: () => Promise.reject(new Error('asked the database')) },
    policies: { tries, requests: { ...requests, ...rates } },
    onError: () => undefined,
  })
  const app = await buildTestApp({ routes: [routes], rateLimits })
  const ask = async (headers: Record<string, string>, remoteAddress = '192.0.2.7') =>
    (await app.inject({ url: '/mine', headers, remoteAddress })).statusCode
  const bad = { authorization: 'Bearer nonsense' }
  const statuses = []
  for (let count = 0; count < 5; count += 1) statuses.push(await ask(bad), await ask(asUser(alice)))
  expect(statuses).toEqual([401, 200, 401, 200, 401, 200, 429, 200, 429, 200])
  expect(await ask(bad, '192.0.2.8')).toBe(401)
})

describe('the address that is limited', () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.1' }

  it.each([
    ['is that of the connection, whatever it forwards', [], '10.0.0.1'],
    ['is what a trusted proxy says', ['10.0.0.0/8'], '198.51.100.1'],
    ['is not what a proxy says that is not trusted', ['172.16.0.0/12'], '10.0.0.1'],
    ['goes through several trusted ones', ['10.0.0.0/8', '198.51.100.1'], '203.0.113.9'],
  ])('%s', async (_, trustedProxies, address) => {
    const limits = createLimits(true)
    const app = await buildTestApp({ routes: [routes], rateLimits: limits, trustedProxies })
    await app.inject({ url: '/open', headers: forwarded, remoteAddress: '10.0.0.1' })
    expect(limits.countRequest.mock.calls).toEqual([['public', address]])
  })
})
