import { describe, expect, it } from 'vitest'
import { buildTestApp } from './testing.ts'

const app = await buildTestApp({ routes: [] })

describe('problem pages', () => {
  it('explain a code to programs', async () => {
    const response = await app.inject('/problems/insufficient_funds')
    expect(response.json()).toMatchObject({
      code: 'insufficient_funds',
      status: 422,
      retry: 'new_key',
    })
  })

  it('explain a code to people, under a policy that allows only their own style', async () => {
    const response = await app.inject({
      url: '/problems/insufficient_funds',
      headers: { accept: 'text/html,*/*;q=0.8' },
    })
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(response.headers['content-security-policy']).toContain("style-src 'sha256-")
    expect(response.body).toContain('<h1>The available balance is not enough</h1>')
  })

  it.each(['nothing', 'constructor', '__proto__', '%3Cscript%3E'])('%s is none', async (code) => {
    expect((await app.inject(`/problems/${code}`)).json()).toMatchObject({
      code: 'route_not_found',
    })
  })
})
