import { describe, expect, it, vi } from 'vitest'
import { ownMatchers } from '../../../../test/support/matchers.ts'
import type { Role } from '../../http/route.ts'
import { asUser, buildTestApp } from '../../http/testing.ts'
import { Fault } from '../../kernel/fault.ts'
import { createUuidSource, encodeId } from '../../kernel/ids.ts'
import { createPasswords } from '../passwords/passwords.ts'
import { mockUserStore, testCredentials, testUser } from '../testing.ts'
import { createUserRoutes } from './routes.ts'
import type { NewUser, UserStore } from './store.ts'
import type { User } from './user.ts'
import { createUsers } from './users.ts'

expect.extend(ownMatchers)

const passwords = createPasswords({ cost: 4 })
const nextId = createUuidSource()
const staff = nextId()

async function appWith(methods: Partial<UserStore>, role: Role = 'teller') {
  const store = mockUserStore(methods)
  const users = createUsers({ store, passwords, nextId })
  return await buildTestApp({
    routes: [createUserRoutes({ users, store })],
    roles: { [staff]: [role] },
  })
}

const signUp = {
  username: 'Alice_01',
  password: 'correct horse',
  full_name: 'Alice Adams',
  email: 'alice@example.com',
}

/** An `insert` that takes any user, and remembers them. */
function takeAll() {
  return vi.fn<(user: NewUser) => Promise<User>>(async ({ id, username, fullName, email, roles }) =>
    testUser({ id, username, fullName, email, roles }),
  )
}

describe('POST /v1/users', () => {
  it('OK: stores the hash of the password and answers without it', async () => {
    const insert = takeAll()
    const app = await appWith({ insert })
    const response = await app.inject({ method: 'POST', url: '/v1/users', body: signUp })
    expect(response.statusCode).toBe(201)
    const [stored] = insert.mock.calls[0] ?? []
    expect(stored).toMatchObject({
      username: 'alice_01',
      fullName: 'Alice Adams',
      email: 'alice@example.com',
      roles: ['customer'],
    })
    await expect(stored?.passwordHash).toBeHashOf('correct horse')
    expect(response.json()).toEqual({
      id: encodeId('user', stored?.id ?? ''),
      username: 'alice_01',
      full_name: 'Alice Adams',
      email: 'alice@example.com',
      email_verified: false,
      roles: ['customer'],
      status: 'active',
      created_at: '2026-01-15T09:30:00.000Z',
    })
    expect(response.body).not.toContain('$2b$')
  })

  it('InternalError: 500 with the request id and nothing of the cause', async () => {
    const app = await appWith({ insert: () => Promise.reject(new Error('planted secret')) })
    const response = await app.inject({ method: 'POST', url: '/v1/users', body: signUp })
    expect(response.statusCode).toBe(500)
    expect(response.json()).toMatchObject({ code: 'internal_error' })
    expect(response.body).not.toContain('planted')
    expect(app.loggedErrors).toHaveLength(1)
  })

  it('Unavailable: 503 when there is no database', async () => {
    const fault = new Fault('unavailable', 'no database')
    const app = await appWith({ insert: () => Promise.reject(fault) })
    const response = await app.inject({ method: 'POST', url: '/v1/users', body: signUp })
    expect(response.statusCode).toBe(503)
    expect(app.loggedErrors).toEqual([])
  })

  it('DuplicateUsername: 409', async () => {
    const app = await appWith({ insert: async () => 'username_taken' })
    const response = await app.inject({ method: 'POST', url: '/v1/users', body: signUp })
    expect(response.statusCode).toBe(409)
    expect(response.json()).toMatchObject({ code: 'username_taken' })
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['InvalidUsername', { username: 'alice#1' }, '/username'],
    ['InvalidUsername: short', { username: 'al' }, '/username'],
    ['InvalidUsername: long', { username: 'a'.repeat(65) }, '/username'],
    ['InvalidEmail', { email: 'alice' }, '/email'],
    ['InvalidEmail: CR LF', { email: 'alice@example.com\r\nBcc: x@example.com' }, '/email'],
    ['InvalidEmail: long', { email: `alice@${'a.'.repeat(130)}com` }, '/email'],
    ['TooShortPassword', { password: 'seven77' }, '/password'],
    ['TooLongPassword: 73 bytes', { password: 'a'.repeat(73) }, '/password'],
    ['TooLongPassword: 73 bytes in 37 characters', { password: `a${'é'.repeat(36)}` }, '/password'],
    ['InvalidFullName: blanks', { full_name: '  ' }, '/full_name'],
    ['InvalidFullName: direction override', { full_name: 'a\u202eb' }, '/full_name'],
    ['InvalidFullName: long', { full_name: 'x'.repeat(101) }, '/full_name'],
    ['a role of their own', { role: 'admin' }, '/role'],
    ['roles of their own', { roles: ['admin'] }, '/roles'],
    ['a status', { status: 'active' }, '/status'],
    ['a verified address', { email_verified: true }, '/email_verified'],
  ])('%s: 400 that names the member, and nothing is stored', async (_, members, pointer) => {
    const app = await appWith({})
    const body = { ...signUp, ...members }
    const response = await app.inject({ method: 'POST', url: '/v1/users', body })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] })
    expect(app.loggedErrors).toEqual([])
  })

  it('refuses each member that is absent or of another type', async () => {
    const app = await appWith({})
    for (const member of Object.keys(signUp)) {
      for (const value of [undefined, null, true, 1, [], {}, ['alice_01']]) {
        const body = { ...signUp, [member]: value }
        const response = await app.inject({ method: 'POST', url: '/v1/users', body })
        expect([member, value, response.statusCode]).toEqual([member, value, 400])
      }
    }
  })

  it('says all that is wrong with name and password at once', async () => {
    const app = await appWith({})
    const body = { ...signUp, full_name: '\u202e', password: 'short' }
    const response = await app.inject({ method: 'POST', url: '/v1/users', body })
    expect(response.json()).toMatchObject({
      errors: [{ pointer: '/full_name' }, { pointer: '/password', code: 'too_short' }],
    })
    expect(response.body).not.toContain('"short"')
  })
})

describe('GET /v1/users/me', () => {
  it('OK: is the user of the token', async () => {
    const user = testUser()
    const find = vi.fn<UserStore['find']>(async () => user)
    const app = await appWith({ find })
    const response = await app.inject({ url: '/v1/users/me', headers: asUser(user.id) })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ id: encodeId('user', user.id), username: 'alice' })
    expect(find).toHaveBeenCalledExactlyOnceWith(user.id)
  })

  it('NoAuthorization: 401', async () => {
    const app = await appWith({})
    expect((await app.inject({ url: '/v1/users/me' })).statusCode).toBe(401)
  })

  it.each([undefined, testUser({ status: 'disabled' })])(
    'a user who is gone or disabled: 401',
    async (user) => {
      const app = await appWith({ find: async () => user })
      const response = await app.inject({ url: '/v1/users/me', headers: asUser(nextId()) })
      expect(response.statusCode).toBe(401)
      expect(response.json()).toMatchObject({ code: 'token_invalid' })
      expect(response.headers['www-authenticate']).toContain('invalid_token')
    },
  )
})

describe('PATCH /v1/users/me', () => {
  const user = testUser()
  const request = { method: 'PATCH', url: '/v1/users/me', headers: asUser(user.id) } as const

  it('OK: changes what is sent and nothing else', async () => {
    const update = vi.fn<UserStore['update']>(async () => user)
    const app = await appWith({ find: async () => user, update })
    const body = { full_name: 'Alice B', email: 'b@example.com' }
    expect((await app.inject({ ...request, body })).statusCode).toBe(200)
    const requestId = expect.stringMatching(/^req_/)
    expect(update).toHaveBeenLastCalledWith(user.id, {
      fullName: 'Alice B',
      email: 'b@example.com',
      requestId,
    })
    expect((await app.inject({ ...request, body: { full_name: 'C' } })).statusCode).toBe(200)
    const changes = { fullName: 'C', email: undefined, requestId }
    expect(update).toHaveBeenLastCalledWith(user.id, changes)
  })

  it('OK: a new password with the current one, which is compared with what is stored', async () => {
    const before = await passwords.hash('old password')
    const update = vi.fn<UserStore['update']>(async () => user)
    const findCredentials = async () => testCredentials(before)
    const app = await appWith({ find: async () => user, update, findCredentials })
    const body = { password: 'new password', current_password: 'old password' }
    expect((await app.inject({ ...request, body })).statusCode).toBe(200)
    const [, changes] = update.mock.calls[0] ?? []
    expect(changes?.password?.before).toBe(before)
    await expect(changes?.password?.after).toBeHashOf('new password')
  })

  it('a wrong current password: 422, and nothing is changed', async () => {
    const before = await passwords.hash('old password')
    const findCredentials = async () => testCredentials(before)
    const app = await appWith({ find: async () => user, findCredentials })
    const body = { full_name: 'B', password: 'new password', current_password: 'wrong one' }
    const response = await app.inject({ ...request, body })
    expect(response.statusCode).toBe(422)
    expect(response.json()).toMatchObject({ code: 'current_password_incorrect' })
  })

  it('a password that another request changed meanwhile: 422', async () => {
    const before = await passwords.hash('old password')
    const findCredentials = async () => testCredentials(before)
    const update = vi.fn<UserStore['update']>().mockResolvedValue(undefined)
    const app = await appWith({ find: async () => user, findCredentials, update })
    const body = { password: 'new password', current_password: 'old password' }
    expect((await app.inject({ ...request, body })).statusCode).toBe(422)
  })

  it.each<[string, Record<string, unknown>]>([
    ['nothing', {}],
    ['a password without the current one', { password: 'new password' }],
    ['the current password alone', { current_password: 'old password' }],
    ['a password of 7 bytes', { password: 'seven77', current_password: 'old password' }],
    ['a password of 73 bytes', { password: 'x'.repeat(73), current_password: 'old password' }],
    ['a name of blanks', { full_name: '  ' }],
    ['an address that is none', { email: 'x' }],
    ['null', { full_name: null }],
    ['a username', { username: 'bob' }],
    ['roles', { roles: ['admin'] }],
    ['a status', { status: 'active' }],
    ['a verified address', { email_verified: true }],
  ])('%s: 400, and nothing is changed', async (_, body) => {
    const app = await appWith({ find: async () => user })
    expect((await app.inject({ ...request, body })).statusCode).toBe(400)
    expect(app.loggedErrors).toEqual([])
  })

  it('a user who is gone or disabled: 401', async () => {
    for (const found of [undefined, testUser({ status: 'disabled' })]) {
      const app = await appWith({ find: async () => found })
      expect((await app.inject({ ...request, body: { full_name: 'B' } })).statusCode).toBe(401)
    }
    const app = await appWith({ find: async () => user, update: async () => undefined })
    expect((await app.inject({ ...request, body: { full_name: 'B' } })).statusCode).toBe(401)
  })

  it('InternalError: 500', async () => {
    const update = vi.fn<UserStore['update']>().mockRejectedValue(new Error('planted'))
    const app = await appWith({ find: async () => user, update })
    expect((await app.inject({ ...request, body: { full_name: 'B' } })).statusCode).toBe(500)
  })
})

describe('GET /v1/users', () => {
  const url = '/v1/users'
  const headers = asUser(staff)

  it.each(['teller', 'auditor', 'admin'] as const)('OK for a %s', async (role) => {
    const list = vi.fn<UserStore['list']>(async () => [testUser()])
    const app = await appWith({ list }, role)
    const response = await app.inject({ url, headers, query: { username: 'ALICE' } })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ data: [{ username: 'alice' }], next_cursor: null })
    expect(list).toHaveBeenCalledWith(expect.objectContaining({ username: 'alice', limit: 21 }))
  })

  it('pages by cursor, which is good for this list only', async () => {
    const all = Array.from({ length: 21 }, () => testUser())
    const list = vi.fn<UserStore['list']>(async ({ before }) => (before ? [] : all))
    const app = await appWith({ list })
    const first = await app.inject({ url, headers })
    expect(first.json<{ data: unknown[] }>().data).toHaveLength(20)
    const cursor = first.json<{ next_cursor: string }>().next_cursor
    const second = await app.inject({ url, headers, query: { cursor } })
    expect(second.json()).toEqual({ data: [], next_cursor: null })
    expect(list).toHaveBeenLastCalledWith(expect.objectContaining({ before: all[19]?.id }))
    const other = await app.inject({ url, headers, query: { cursor, username: 'alice' } })
    expect(other.json()).toMatchObject({ code: 'invalid_cursor' })
  })

  it('searches by the beginning of a name, a role and a status', async () => {
    const list = vi.fn<UserStore['list']>(async () => [])
    const app = await appWith({ list })
    const query = { username_prefix: 'Al', role: 'teller', status: 'disabled' }
    expect((await app.inject({ url, headers, query })).statusCode).toBe(200)
    const filter = { usernamePrefix: 'al', role: 'teller', status: 'disabled' }
    expect(list).toHaveBeenLastCalledWith(expect.objectContaining(filter))
    for (const wrong of [{ username_prefix: '%' }, { role: 'owner' }, { status: 'gone' }]) {
      expect((await app.inject({ url, headers, query: wrong })).statusCode).toBe(400)
    }
  })

  it('a name that nobody can have finds nobody', async () => {
    const app = await appWith({})
    const response = await app.inject({ url, headers, query: { username: 'no body' } })
    expect(response.json()).toEqual({ data: [], next_cursor: null })
  })

  it('a customer: 403, whoever they look for', async () => {
    const app = await appWith({})
    const response = await app.inject({ url, headers: asUser(nextId()) })
    expect(response.statusCode).toBe(403)
    expect(response.json()).toMatchObject({ code: 'role_required' })
  })

  it('an unknown parameter: 400', async () => {
    const app = await appWith({})
    expect((await app.inject({ url, headers, query: { is_admin: 'true' } })).statusCode).toBe(400)
  })
})

describe('GET /v1/users/{id}', () => {
  const headers = asUser(staff)

  it('OK', async () => {
    const user = testUser()
    const app = await appWith({ find: async (id) => (id === user.id ? user : undefined) })
    const url = `/v1/users/${encodeId('user', user.id)}`
    expect((await app.inject({ url, headers })).json()).toMatchObject({ username: 'alice' })
    const absent = await app.inject({ url: `/v1/users/${encodeId('user', nextId())}`, headers })
    expect(absent.statusCode).toBe(404)
    expect(absent.json()).toMatchObject({ code: 'user_not_found' })
  })

  it('a customer: 403, even for themselves', async () => {
    const id = nextId()
    const app = await appWith({})
    const url = `/v1/users/${encodeId('user', id)}`
    expect((await app.inject({ url, headers: asUser(id) })).statusCode).toBe(403)
  })

  it.each(['x', `acct_${'0'.repeat(26)}`, `user_8${'0'.repeat(25)}`, "user_'%20or%201=1"])(
    'InvalidID %s: 400',
    async (id) => {
      const app = await appWith({})
      expect((await app.inject({ url: `/v1/users/${id}`, headers })).statusCode).toBe(400)
    },
  )
})
