import { describe, expect, it } from 'vitest'
import { buildTestApp } from './testing.ts'

describe('health', () => {
  it('readyz tells the checks', async () => {
    const ready = await buildTestApp({
      routes: [],
      readiness: async () => ({ ok: true, checks: { database: 'ok' } }),
    })
    expect((await ready.inject('/readyz')).json()).toEqual({
      status: 'ok',
      checks: { database: 'ok' },
    })
  })

  it('readyz is a problem when the server cannot serve, and livez is not', async () => {
    const broken = await buildTestApp({
      routes: [],
      readiness: async () => ({ ok: false, checks: { database: 'no connection' } }),
    })
    const response = await broken.inject('/readyz')
    expect(response.statusCode).toBe(503)
    expect(response.json()).toMatchObject({
      code: 'unavailable',
      checks: { database: 'no connection' },
    })
    expect((await broken.inject('/livez')).statusCode).toBe(200)
  })
})
