import { describe, expect, it } from 'vitest'
import { buildTestApp } from './testing.ts'

describe('CORS', () => {
  const origin = 'https://shop.example'

  it('is off by default', async () => {
    const response = await (
      await buildTestApp({ routes: [] })
    ).inject({ url: '/livez', headers: { origin } })
    expect(response.headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('lets pages of the allowed origins send keys and tokens and read what they need', async () => {
    const open = await buildTestApp({ routes: [], allowedOrigins: [origin] })
    const preflight = await open.inject({
      method: 'OPTIONS',
      url: '/v1/payments',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-headers']).toContain('idempotency-key')
    expect(preflight.headers['access-control-allow-origin']).toBe(origin)
    const refused = await open.inject({ url: '/v1/nothing', headers: { origin } })
    expect(refused.statusCode).toBe(404)
    expect(refused.headers['access-control-allow-origin']).toBe(origin)
    expect(refused.headers['access-control-expose-headers']).toContain('idempotency-replayed')
    const other = await open.inject({ url: '/livez', headers: { origin: 'https://evil.example' } })
    expect(other.headers).not.toHaveProperty('access-control-allow-origin')
    expect(other.headers['vary']).toContain('Origin')
    const plain = await open.inject({ method: 'OPTIONS', url: '/v1/nothing', headers: { origin } })
    expect(plain.headers['content-type'] ?? 'none').not.toContain('text')
  })
})
