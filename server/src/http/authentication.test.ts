import { Type } from 'typebox'
import { describe, expect, it, test } from 'vitest'
import type { Routes } from './route.ts'
import { asUser, buildTestApp } from './testing.ts'

const alice = '01900000-0000-7000-8000-00000000000a'
const bob = '01900000-0000-7000-8000-00000000000b'

const reply = { response: { 200: Type.Object({ user_id: Type.String() }) } }

const routes: Routes = async (app) => {
  app.get('/mine', { schema: { operationId: 'mine', ...reply } }, async ({ principal }) => ({
    user_id: principal.userId,
  }))
  app.get(
    '/staff',
    { config: { access: ['teller', 'admin'] }, schema: { operationId: 'staff', ...reply } },
    async ({ principal }) => ({ user_id: principal.userId }),
  )
  app.get(
    '/open',
    { config: { access: 'public' }, schema: { operationId: 'open', ...reply } },
    async () => ({ user_id: '' }),
  )
  app.get(
    '/mistake',
    { config: { access: 'public' }, schema: { operationId: 'mistake', ...reply } },
    async ({ principal }) => ({ user_id: principal.userId }),
  )
}

const app = await buildTestApp({ routes: [routes], roles: { [bob]: ['teller'] } })

const challenge = 'Bearer realm="tallystick"'

describe('the bearer hook', () => {
  it.each([
    ['NoAuthorization', {}, 'token_missing', challenge],
    [
      'UnsupportedAuthorization',
      { authorization: 'Basic dGVzdDp0ZXN0' },
      'authorization_unsupported',
      challenge,
    ],
    [
      'InvalidAuthorizationFormat: no token',
      { authorization: 'Bearer' },
      'authorization_invalid',
      `${challenge}, error="invalid_request"`,
    ],
    [
      'InvalidAuthorizationFormat: two tokens',
      { authorization: `Bearer test:${alice} test:${bob}` },
      'authorization_invalid',
      `${challenge}, error="invalid_request"`,
    ],
    [
      'ExpiredToken',
      { authorization: 'Bearer test:expired' },
      'token_expired',
      `${challenge}, error="invalid_token"`,
    ],
    [
      'InvalidToken',
      { authorization: 'Bearer nonsense' },
      'token_invalid',
      `${challenge}, error="invalid_token"`,
    ],
  ])('%s', async (_, headers, code, wwwAuthenticate) => {
    const response = await app.inject({ url: '/mine', headers })
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe(wwwAuthenticate)
    expect(response.json()).toMatchObject({ code, status: 401 })
  })

  it.each(['Bearer', 'bearer', 'BEARER'])('OK: %s', async (scheme) => {
    const headers = { authorization: `${scheme} test:${alice}` }
    const response = await app.inject({ url: '/mine', headers })
    expect(response.json()).toEqual({ user_id: alice })
  })

  it('guards a route that says nothing about access', async () => {
    expect((await app.inject('/mine')).statusCode).toBe(401)
  })

  it('lets everyone into a public route, with whatever header', async () => {
    const headers = { authorization: 'Bearer nonsense' }
    expect((await app.inject({ url: '/open', headers })).statusCode).toBe(200)
  })

  it('comes before a missing role and before the body is read', async () => {
    expect((await app.inject('/staff')).json()).toMatchObject({ code: 'token_missing' })
  })
})

describe('roles', () => {
  it('one of the roles of the route is enough', async () => {
    const response = await app.inject({ url: '/staff', headers: asUser(bob) })
    expect(response.json()).toEqual({ user_id: bob })
  })

  it('a customer is told which roles would do', async () => {
    const response = await app.inject({ url: '/staff', headers: asUser(alice) })
    expect(response.statusCode).toBe(403)
    expect(response.json()).toMatchObject({ code: 'role_required', roles: ['teller', 'admin'] })
  })

  it('InternalError: a store that fails is a 500 and no admission', async () => {
    const broken = await buildTestApp({
      routes: [routes],
      rolesOf: async () => Promise.reject(new Error('the store is broken')),
    })
    const response = await broken.inject({ url: '/staff', headers: asUser(bob) })
    expect(response.json()).toMatchObject({ code: 'internal_error' })
    expect(broken.loggedErrors).toHaveLength(1)
  })
})

test('a handler that asks a public request for its principal is a defect', async () => {
  const response = await app.inject({ url: '/mistake', headers: asUser(alice) })
  expect(response.statusCode).toBe(500)
  expect(response.body).not.toContain('identity')
})
