import { createHash } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { asUser, buildTestApp } from '../../http/testing.ts'
import { createUuidSource, decodeId, encodeId } from '../../kernel/ids.ts'
import { createApiKeyText, parseApiKeyText } from './api-key.ts'
import { createApiKeyRoutes } from './routes.ts'
import type { ApiKey, ApiKeyStore } from './store.ts'

const nextId = createUuidSource()
const [alice, bob, admin, teller] = [nextId(), nextId(), nextId(), nextId()]
const createdAt = new Date('2026-01-15T09:30:00.000Z')
const key: ApiKey = {
  id: nextId(),
  userId: alice,
  name: 'payroll',
  scopes: ['accounts:read', 'transfers:write'],
  createdAt,
  expiresAt: new Date('2026-04-15T09:30:00.000Z'),
  lastUsedAt: null,
  revokedAt: null,
}

const fail = () => Promise.reject(new Error('planted'))

async function appWith(methods: Partial<ApiKeyStore>) {
  const store = { insert: fail, list: fail, revoke: fail, exists: fail, ...methods }
  return await buildTestApp({
    routes: [createApiKeyRoutes({ store, nextId })],
    roles: { [admin]: ['admin'], [teller]: ['teller'] },
  })
}

describe('the text of a key', () => {
  it('is read as what it was made as, and is another one each time', () => {
    const made = createApiKeyText(key.id)
    expect(parseApiKeyText(made.text)).toEqual(made)
    expect(made.hash).toEqual(createHash('sha256').update(made.text).digest())
    expect(createApiKeyText(key.id).text).not.toBe(made.text)
  })

  it('has one spelling', () => {
    const { text } = createApiKeyText(key.id)
    const others = [text.toUpperCase(), text.slice(4), `${text}=`, `${text}AAAA`, text.slice(0, -4)]
    for (const other of [...others, '', 'tsk_', `${text.slice(0, -1)}!`]) {
      expect(parseApiKeyText(other)).toBeUndefined()
    }
  })
})

describe('POST /v1/api-keys', () => {
  const body = { name: 'payroll', scopes: ['accounts:read', 'transfers:write'] }
  const request = { method: 'POST', url: '/v1/api-keys', headers: asUser(alice), body } as const

  it('OK: shows the key once, and stores its hash', async () => {
    const insert = vi.fn<ApiKeyStore['insert']>(async ({ id }) => ({ ...key, id }))
    const app = await appWith({ insert })
    const response = await app.inject({ ...request, body: { ...body, expires_in: 7_776_000 } })
    expect(response.statusCode).toBe(201)
    const answer = response.json<{ id: string; key: string }>()
    expect(answer).toEqual({
      id: answer.id,
      user_id: encodeId('user', alice),
      ...body,
      created_at: '2026-01-15T09:30:00.000Z',
      expires_at: '2026-04-15T09:30:00.000Z',
      key: answer.key,
    })
    const sent = parseApiKeyText(answer.key)
    expect(insert).toHaveBeenCalledExactlyOnceWith({
      id: decodeId('key', answer.id),
      userId: alice,
      createdBy: alice,
      name: 'payroll',
      hash: sent?.hash,
      scopes: body.scopes,
      expiresInSeconds: 7_776_000,
      requestId: response.headers['request-id'],
    })
    expect(sent?.id).toBe(decodeId('key', answer.id))
  })

  it('OK: one that does not expire', async () => {
    const insert = vi.fn<ApiKeyStore['insert']>(async () => ({ ...key, expiresAt: null }))
    const response = await (await appWith({ insert })).inject(request)
    expect(response.json()).toMatchObject({ expires_at: null })
    expect(insert.mock.calls[0]?.[0].expiresInSeconds).toBeNull()
  })

  it('an admin makes one for another user, and nobody else does', async () => {
    const insert = vi.fn<ApiKeyStore['insert']>(async () => key)
    const app = await appWith({ insert })
    const ofAlice = { ...body, user_id: encodeId('user', alice) }
    const create = (userId: string) =>
      app.inject({ ...request, headers: asUser(userId), body: ofAlice })
    expect((await create(alice)).statusCode).toBe(201)
    expect((await create(admin)).statusCode).toBe(201)
    expect((await create(bob)).json()).toMatchObject({ code: 'role_required', roles: ['admin'] })
    expect((await create(teller)).json()).toMatchObject({ code: 'role_required' })
    expect(insert.mock.calls.map(([{ userId, createdBy }]) => [userId, createdBy])).toEqual([
      [alice, alice],
      [alice, admin],
    ])
  })

  it.each([
    ['user_not_found', 404, {}],
    ['too_many_api_keys', 422, { limit: 100 }],
  ] as const)('%s: %i', async (code, status, facts) => {
    const response = await (await appWith({ insert: async () => code })).inject(request)
    expect(response.json()).toMatchObject({ code, status, ...facts })
  })

  it.each<[string, Record<string, unknown>]>([
    ['no name', { name: undefined }],
    ['a name of blanks', { name: '  ' }],
    ['a name with a direction override', { name: 'a\u202eb' }],
    ['no scopes', { scopes: [] }],
    ['an unknown scope', { scopes: ['admin'] }],
    ['a scope twice', { scopes: ['accounts:read', 'accounts:read'] }],
    ['scopes as text', { scopes: 'accounts:read' }],
    ['an end that is too near', { expires_in: 59 }],
    ['an end that is too far', { expires_in: 315_360_001 }],
    ['null for the end', { expires_in: null }],
    ['another kind of id', { user_id: encodeId('acct', alice) }],
    ['a role', { roles: ['admin'] }],
  ])('%s: 400', async (_, members) => {
    const app = await appWith({})
    const response = await app.inject({ ...request, body: { ...body, ...members } })
    expect(response.statusCode).toBe(400)
    expect(app.loggedErrors).toEqual([])
  })

  it('InternalError: 500', async () => {
    expect((await (await appWith({ insert: fail })).inject(request)).statusCode).toBe(500)
  })
})

describe('GET /v1/api-keys', () => {
  const request = { url: '/v1/api-keys', headers: asUser(alice) }

  it('OK: lists them without the key', async () => {
    const list = vi.fn<ApiKeyStore['list']>(async () => [
      { ...key, lastUsedAt: createdAt, revokedAt: createdAt, expiresAt: null },
    ])
    const response = await (await appWith({ list })).inject(request)
    expect(list).toHaveBeenCalledExactlyOnceWith({ userId: alice, before: undefined, limit: 21 })
    expect(response.json()).toEqual({
      data: [
        {
          id: encodeId('key', key.id),
          user_id: encodeId('user', alice),
          name: 'payroll',
          scopes: ['accounts:read', 'transfers:write'],
          created_at: createdAt.toISOString(),
          expires_at: null,
          last_used_at: createdAt.toISOString(),
          revoked_at: createdAt.toISOString(),
        },
      ],
      next_cursor: null,
    })
  })

  it('pages by cursor, which is good for this list only', async () => {
    const list = vi.fn<ApiKeyStore['list']>(async () => [key, key])
    const app = await appWith({ list })
    const first = await app.inject({ ...request, query: { limit: '1' } })
    const { next_cursor: cursor } = first.json<{ next_cursor: string }>()
    await app.inject({ ...request, query: { cursor } })
    expect(list).toHaveBeenLastCalledWith({ userId: alice, before: key.id, limit: 21 })
    const other = await app.inject({ ...request, headers: asUser(bob), query: { cursor } })
    expect(other.json()).toMatchObject({ code: 'invalid_cursor' })
  })

  it('of another user is for admins', async () => {
    const list = vi.fn<ApiKeyStore['list']>(async () => [])
    const app = await appWith({ list })
    const query = { user_id: encodeId('user', alice) }
    const ask = (userId: string) => app.inject({ ...request, headers: asUser(userId), query })
    expect((await ask(bob)).json()).toMatchObject({ code: 'role_required' })
    expect((await ask(teller)).statusCode).toBe(403)
    expect((await ask(admin)).statusCode).toBe(200)
    expect(list).toHaveBeenCalledExactlyOnceWith({ userId: alice, before: undefined, limit: 21 })
  })

  it('InternalError: 500', async () => {
    expect((await (await appWith({ list: fail })).inject(request)).statusCode).toBe(500)
  })
})

describe('DELETE /v1/api-keys/{id}', () => {
  const url = `/v1/api-keys/${encodeId('key', key.id)}`

  it('OK: their own; for an admin that of anyone', async () => {
    const revoke = vi.fn<ApiKeyStore['revoke']>(async () => true)
    const app = await appWith({ revoke })
    for (const [userId, ofUserId] of [
      [alice, alice],
      [teller, teller],
      [admin, undefined],
    ] as const) {
      const response = await app.inject({ method: 'DELETE', url, headers: asUser(userId) })
      expect([response.statusCode, response.body]).toEqual([204, ''])
      const requestId = response.headers['request-id']
      const call = { id: key.id, ofUserId, revokedBy: userId, requestId }
      expect(revoke).toHaveBeenLastCalledWith(call)
    }
  })

  it('absent or not theirs: 404', async () => {
    const answers = new Set<string>()
    for (const exists of [true, false]) {
      const app = await appWith({ revoke: async () => false, exists: async () => exists })
      const headers = { ...asUser(bob), 'request-id': 'the_same' }
      const response = await app.inject({ method: 'DELETE', url, headers })
      expect(response.json()).toMatchObject({ code: 'api_key_not_found', status: 404 })
      answers.add(response.body)
    }
    expect(answers.size).toBe(1)
  })

  it('another kind of id: 400; InternalError: 500; NoAuthorization: 401', async () => {
    const app = await appWith({ revoke: fail })
    const headers = asUser(alice)
    const wrong = `/v1/api-keys/${encodeId('sess', key.id)}`
    expect((await app.inject({ method: 'DELETE', url: wrong, headers })).statusCode).toBe(400)
    expect((await app.inject({ method: 'DELETE', url, headers })).statusCode).toBe(500)
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(401)
  })
})
