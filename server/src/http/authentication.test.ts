import { Type } from 'typebox'
import { describe, expect, it, test } from 'vitest'
import type { Role, Routes } from './route.ts'
import { scopes, type Scope } from './scopes.ts'
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

const scoped: Routes = async (app) => {
  app.get(
    '/scoped',
    { config: { scope: 'accounts:read' }, schema: { operationId: 'scoped', ...reply } },
    async ({ principal }) => ({ user_id: principal.userId }),
  )
  app.get(
    '/scoped-staff',
    {
      config: { access: ['teller'], scope: 'deposits:write' },
      schema: { operationId: 'scopedStaff', ...reply },
    },
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

async function askWithKey(url: string, held: readonly Scope[], role: Role = 'customer') {
  const credential = { kind: 'api_key', id: bob, scopes: new Set(held) } as const
  const principal = { userId: alice, username: 'alice', credential }
  const keyApp = await buildTestApp({
    routes: [routes, scoped],
    authenticate: async () => ({ ok: true, principal, roles: new Set<Role>(['customer', role]) }),
  })
  return await keyApp.inject({ url, headers: { authorization: 'Bearer x' } })
}

describe('an API key', () => {
  it('with the scope of the route acts as its user', async () => {
    const response = await askWithKey('/scoped', ['payees:read', 'accounts:read'])
    expect(response.json()).toEqual({ user_id: alice })
  })

  it('with other scopes is told which one it needs', async () => {
    const response = await askWithKey('/scoped', ['payees:read', 'accounts:write'])
    expect(response.json()).toMatchObject({ code: 'scope_required', scope: 'accounts:read' })
    expect(response.headers['www-authenticate']).toBe(
      `${challenge}, error="insufficient_scope", scope="accounts:read"`,
    )
  })

  it('does not reach a route that names no scope, whatever it has', async () => {
    const response = await askWithKey('/mine', scopes)
    expect(response.statusCode).toBe(403)
    expect(response.json()).toMatchObject({ code: 'scope_required', scope: null })
  })

  it('does what its user may do and no more', async () => {
    const refused = await askWithKey('/scoped-staff', ['deposits:write'])
    expect(refused.json()).toMatchObject({ code: 'role_required', roles: ['teller'] })
    expect((await askWithKey('/scoped-staff', ['deposits:write'], 'teller')).statusCode).toBe(200)
  })
})

test('a handler that asks a public request for its principal is a defect', async () => {
  const response = await app.inject({ url: '/mistake', headers: asUser(alice) })
  expect(response.statusCode).toBe(500)
  expect(response.body).not.toContain('identity')
})
