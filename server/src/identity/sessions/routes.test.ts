import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { asUser, buildTestApp } from '../../http/testing.ts'
import { Fault } from '../../kernel/fault.ts'
import { createUuidSource, decodeId, encodeId } from '../../kernel/ids.ts'
import { createPasswords, type Passwords } from '../passwords/passwords.ts'
import { mockSessionStore, mockUserStore, testCredentials, noSecondFactors } from '../testing.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { createTokenMaker } from '../tokens/token-maker.ts'
import type { UserStore } from '../users/store.ts'
import { createRefreshTokens } from './refresh-token.ts'
import { createSessionRoutes } from './routes.ts'
import { createSessions } from './sessions.ts'
import type { SessionStore, StoredSession } from './store.ts'

const present = new Date('2026-03-01T12:00:00.000Z')
const clock = { now: () => present }
const ring = endlessKeyRing([new Uint8Array(randomBytes(32))])
const tokens = createTokenMaker({
  kind: 'paseto_v4',
  ring,
  issuer: 'tallystick',
  audience: 'tallystick',
  clock,
})
const refreshTokens = createRefreshTokens({ ring, clock })
const passwords = createPasswords({ cost: 4 })
const credentials = testCredentials(await passwords.hash('correct horse'))
const nextId = createUuidSource()
const opened = { accessEpoch: 7, refreshExpiresAt: new Date('2026-03-02T12:00:00.000Z') }
const login = { username: 'Alice', password: 'correct horse' }
const loginRequest = { method: 'POST', url: '/v1/sessions', body: login } as const

interface Mocks {
  users?: Partial<UserStore>
  store?: Partial<SessionStore>
  passwords?: Passwords
}

const fail = () => Promise.reject(new Error('planted'))

async function appWith(mocks: Mocks) {
  const store = mockSessionStore({ open: async () => opened, ...mocks.store })
  const sessions = createSessions({
    secondFactors: noSecondFactors,
    users: mockUserStore({ findCredentials: async () => credentials, ...mocks.users }),
    store,
    passwords: mocks.passwords ?? passwords,
    tokens,
    refreshTokens,
    accessTokenDurationSeconds: 900,
    refreshTokenDurationSeconds: 86_400,
    nextId,
    auditWriter: { record: () => undefined },
  })
  return await buildTestApp({ routes: [createSessionRoutes({ sessions, store })] })
}

describe('POST /v1/sessions', () => {
  it('OK: records the session and gives a token for it', async () => {
    const findCredentials = vi.fn<UserStore['findCredentials']>(async () => credentials)
    const open = vi.fn<SessionStore['open']>(async () => opened)
    const app = await appWith({ users: { findCredentials }, store: { open } })
    const headers = { 'user-agent': `curl/8 ${'x'.repeat(600)}` }
    const response = await app.inject({ ...loginRequest, headers })
    expect(response.statusCode).toBe(201)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(findCredentials).toHaveBeenCalledExactlyOnceWith({ username: 'alice' })

    const body = response.json<Record<'access_token' | 'refresh_token' | 'session_id', string>>()
    const verdict = tokens.verify(body.access_token)
    const sessionId = decodeId('sess', body.session_id)
    const { id: userId } = credentials.user
    expect(verdict).toMatchObject({ ok: true, claims: { sessionId, userId, epoch: 7 } })
    expect(body).toEqual({
      session_id: body.session_id,
      access_token: body.access_token,
      access_token_expires_at: '2026-03-01T12:15:00.000Z',
      refresh_token: body.refresh_token,
      refresh_token_expires_at: '2026-03-02T12:00:00.000Z',
      user: expect.objectContaining({ id: encodeId('user', userId), username: 'alice' }),
    })
    expect(open).toHaveBeenCalledExactlyOnceWith({
      id: sessionId,
      userId,
      passwordHash: credentials.passwordHash,
      refreshHash: refreshTokens.parse(body.refresh_token)?.hash,
      lifetimes: { refreshSeconds: 86_400, sessionSeconds: 86_400 },
      requestId: response.headers['request-id'],
      userAgent: headers['user-agent'].slice(0, 512),
      address: '127.0.0.1',
    })
    expect(response.body).not.toContain('$2b$')
  })

  it('UserNotFound, IncorrectPassword, a disabled user: 401 with the same bytes', async () => {
    const disabled = { ...credentials, user: { ...credentials.user, status: 'disabled' as const } }
    const cases = [
      { mocks: { users: { findCredentials: async () => undefined } } },
      { mocks: {}, password: 'wrong horse' },
      { mocks: { users: { findCredentials: async () => disabled } } },
      { mocks: { store: { open: async () => undefined } } },
      { mocks: {}, username: 'no such name!' },
      { mocks: {}, password: 'short' },
      { mocks: {}, password: 'x'.repeat(73) },
      { mocks: {}, password: 'correct horse ' },
    ]
    const answers = new Set<string>()
    for (const { mocks, ...changes } of cases) {
      const app = await appWith(mocks)
      const headers = { 'request-id': 'the-same' }
      const response = await app.inject({
        ...loginRequest,
        headers,
        body: { ...login, ...changes },
      })
      expect(response.statusCode).toBe(401)
      expect(response.json()).toMatchObject({ code: 'credentials_invalid' })
      const { date: _, ...fixed } = response.headers
      answers.add(JSON.stringify([fixed, response.body]))
    }
    expect([...answers]).toHaveLength(1)
  })

  it('compares one hash, whether or not there is a user', async () => {
    const verify = vi.fn<Passwords['verify']>(async () => false)
    const counting = { ...passwords, verify }
    for (const users of [{}, { findCredentials: async () => undefined }]) {
      verify.mockClear()
      const app = await appWith({ users, passwords: counting })
      await app.inject(loginRequest)
      expect(verify).toHaveBeenCalledTimes(1)
    }
  })

  it('InternalError: 500', async () => {
    for (const mocks of [
      { users: { findCredentials: () => Promise.reject(new Error('planted')) } },
      { store: { open: () => Promise.reject(new Error('planted')) } },
    ]) {
      const app = await appWith(mocks)
      const response = await app.inject(loginRequest)
      expect(response.statusCode).toBe(500)
      expect(response.body).not.toContain('planted')
      expect(app.loggedErrors).toHaveLength(1)
    }
  })

  it('Overloaded: 503 with Retry-After when too many passwords wait to be compared', async () => {
    const verify = vi.fn<Passwords['verify']>().mockRejectedValue(new Fault('overloaded', 'full'))
    const app = await appWith({ passwords: { ...passwords, verify } })
    const response = await app.inject(loginRequest)
    expect(response.statusCode).toBe(503)
    expect(response.headers['retry-after']).toBeDefined()
  })

  it('stores a stronger hash once the cost was raised, and logs in all the same', async () => {
    const replaceHash = vi.fn<UserStore['replaceHash']>(async () => undefined)
    const stronger = createPasswords({ cost: 5 })
    const app = await appWith({ users: { replaceHash }, passwords: stronger })
    expect((await app.inject(loginRequest)).statusCode).toBe(201)
    const [id, hash] = replaceHash.mock.calls[0] ?? []
    expect([id, hash?.before]).toEqual([credentials.user.id, credentials.passwordHash])
    expect(hash?.after).toMatch(/^\$2b\$05\$/)
    expect(await stronger.verify('correct horse', hash?.after)).toBe(true)
  })

  it('members of other types or beyond their length: 400', async () => {
    const app = await appWith({})
    const bodies = [
      { username: 'alice' },
      { ...login, username: '' },
      { ...login, username: 'a'.repeat(65) },
      { ...login, password: '' },
      { ...login, password: 'x'.repeat(257) },
      { ...login, refresh_token: 'x' },
      ...[null, true, 1, [], {}].flatMap((value) => [
        { ...login, username: value },
        { ...login, password: value },
      ]),
    ]
    for (const body of bodies) {
      expect((await app.inject({ ...loginRequest, body })).statusCode).toBe(400)
    }
    expect(app.loggedErrors).toEqual([])
  })

  it('needs no token and minds none', async () => {
    const app = await appWith({})
    const headers = asUser('nonsense')
    expect((await app.inject({ ...loginRequest, headers })).statusCode).toBe(201)
  })
})

describe('POST /v1/sessions/refresh', () => {
  const user = credentials.user
  const token = refreshTokens.create(nextId())
  const successor = refreshTokens.successors(token)[0]
  const refreshRequest = {
    method: 'POST',
    url: '/v1/sessions/refresh',
    body: { refresh_token: token.text },
  } as const
  const movedOn = {
    kind: 'moved_on',
    user,
    ...opened,
    generation: 1,
    hash: successor.hash,
  } as const

  it('OK: gives the successor and an access token of the same session', async () => {
    const refresh = vi.fn<SessionStore['refresh']>(async () => {
      return { kind: 'refreshed', user, ...opened }
    })
    const app = await appWith({ store: { refresh } })
    const response = await app.inject(refreshRequest)
    expect(response.statusCode).toBe(200)
    expect(response.headers['cache-control']).toBe('no-store')
    const body = response.json<{ access_token: string }>()
    expect(body).toEqual({
      session_id: encodeId('sess', token.sessionId),
      access_token: body.access_token,
      access_token_expires_at: '2026-03-01T12:15:00.000Z',
      refresh_token: successor.text,
      refresh_token_expires_at: '2026-03-02T12:00:00.000Z',
      user: expect.objectContaining({ username: 'alice' }),
    })
    expect(tokens.verify(body.access_token)).toMatchObject({
      claims: { sessionId: token.sessionId, userId: user.id, epoch: 7 },
    })
    expect(refresh).toHaveBeenCalledExactlyOnceWith({
      sessionId: token.sessionId,
      generation: 0,
      hash: token.hash,
      successorHash: successor.hash,
      lifetimes: { refreshSeconds: 86_400, sessionSeconds: 86_400 },
    })
  })

  it('the immediate predecessor gives the same successor for ten seconds', async () => {
    const result = { ...movedOn, ageMilliseconds: 10_000 }
    const app = await appWith({ store: { refresh: async () => result } })
    const response = await app.inject(refreshRequest)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ refresh_token: successor.text })
  })

  it.each([
    ['too late', { ...movedOn, ageMilliseconds: 10_001 }],
    ['with a generation in between', { ...movedOn, generation: 2, ageMilliseconds: 1 }],
  ])('a spent one %s: 401, and the session ends', async (_, result) => {
    const end = vi.fn<SessionStore['end']>(async () => true)
    const app = await appWith({ store: { refresh: async () => result, end } })
    const response = await app.inject(refreshRequest)
    expect(response.statusCode).toBe(401)
    expect(response.json()).toMatchObject({ code: 'refresh_token_invalid' })
    expect(end).toHaveBeenCalledExactlyOnceWith({
      sessionId: token.sessionId,
      userId: user.id,
      reason: 'refresh_token_reused',
      requestId: response.headers['request-id'],
    })
  })

  it('a successor that no key of the ring makes: 401, and the session goes on', async () => {
    const hash = refreshTokens.create(token.sessionId).hash
    const refresh = async () => ({ ...movedOn, hash, ageMilliseconds: 1 })
    const response = await (await appWith({ store: { refresh } })).inject(refreshRequest)
    expect(response.statusCode).toBe(401)
  })

  it('a session that is over and every other text: 401 with the same bytes', async () => {
    const access = tokens.create({
      kind: 'access',
      userId: user.id,
      username: user.username,
      sessionId: token.sessionId,
      epoch: 7,
      durationSeconds: 60,
    })
    const over = await appWith({ store: { refresh: async () => ({ kind: 'over' }) } })
    const headers = { 'request-id': 'the_same' }
    const answers = new Set<string>()
    for (const text of [token.text, 'x', access.text, `${token.text}=`]) {
      const body = { refresh_token: text }
      const response = await over.inject({ ...refreshRequest, headers, body })
      expect(response.statusCode).toBe(401)
      answers.add(response.body)
    }
    expect([...answers]).toHaveLength(1)
  })

  it('InternalError: 500', async () => {
    const app = await appWith({ store: { refresh: fail } })
    expect((await app.inject(refreshRequest)).statusCode).toBe(500)
    expect(app.loggedErrors).toHaveLength(1)
  })

  it('a body of another form: 400', async () => {
    const app = await appWith({})
    const bodies = [
      {},
      { refresh_token: '' },
      { refresh_token: 'x'.repeat(4097) },
      { refresh_token: token.text, scope: 'all' },
      ...[null, true, 1, [], {}].map((value) => ({ refresh_token: value })),
    ]
    for (const body of bodies) {
      expect((await app.inject({ ...refreshRequest, body })).statusCode).toBe(400)
    }
  })
})

describe('the sessions of a user', () => {
  const userId = credentials.user.id
  const headers = asUser(userId)
  const stored: StoredSession = {
    id: nextId(),
    userAgent: 'curl/8',
    address: '203.0.113.7',
    createdAt: present,
    refreshedAt: present,
    expiresAt: opened.refreshExpiresAt,
  }

  it('GET /v1/sessions OK: lists them with device and address, and says which one asks', async () => {
    // In route tests the id of the session is that of the user.
    const own = { ...stored, id: userId, userAgent: null, address: null }
    const list = vi.fn<SessionStore['list']>(async () => [own, stored])
    const response = await (
      await appWith({ store: { list } })
    ).inject({ url: '/v1/sessions', headers })
    expect(response.statusCode).toBe(200)
    expect(list).toHaveBeenCalledExactlyOnceWith({ userId, before: undefined, limit: 21 })
    expect(response.json()).toEqual({
      data: [
        expect.objectContaining({ current: true, user_agent: null, address: null }),
        {
          id: encodeId('sess', stored.id),
          current: false,
          user_agent: 'curl/8',
          address: '203.0.113.7',
          created_at: present.toISOString(),
          refreshed_at: present.toISOString(),
          expires_at: opened.refreshExpiresAt.toISOString(),
        },
      ],
      next_cursor: null,
    })
  })

  it('GET /v1/sessions pages by cursor, which is good for its user only', async () => {
    const list = vi.fn<SessionStore['list']>(async () => [stored, stored])
    const app = await appWith({ store: { list } })
    const first = await app.inject({ url: '/v1/sessions?limit=1', headers })
    const { next_cursor: cursor } = first.json<{ next_cursor: string }>()
    await app.inject({ url: '/v1/sessions', headers, query: { cursor } })
    expect(list).toHaveBeenLastCalledWith({ userId, before: stored.id, limit: 21 })
    const other = { url: '/v1/sessions', headers: asUser(nextId()), query: { cursor } }
    expect((await app.inject(other)).json()).toMatchObject({ code: 'invalid_cursor' })
  })

  it('DELETE /v1/sessions/{id}: 204, or 404 for what is not theirs or has ended', async () => {
    const end = vi.fn<SessionStore['end']>(async ({ sessionId }) => sessionId === stored.id)
    const owners = [undefined, nextId(), userId]
    const ownerOf = async () => owners.shift()
    const app = await appWith({ store: { end, ownerOf } })
    const remove = (id: string) =>
      app.inject({ method: 'DELETE', url: `/v1/sessions/${encodeId('sess', id)}`, headers })
    const done = await remove(stored.id)
    expect([done.statusCode, done.body]).toEqual([204, ''])
    expect(end).toHaveBeenLastCalledWith(
      expect.objectContaining({ sessionId: stored.id, userId, reason: 'logged_out' }),
    )
    for (const _ of ['absent', 'of another', 'ended']) {
      const response = await remove(nextId())
      expect(response.json()).toMatchObject({ status: 404, code: 'session_not_found' })
    }
  })

  it('DELETE /v1/sessions/{id} of another kind: 400', async () => {
    const app = await appWith({})
    for (const id of ['x', encodeId('user', userId)]) {
      const request = { method: 'DELETE', url: `/v1/sessions/${id}`, headers } as const
      expect((await app.inject(request)).statusCode).toBe(400)
    }
  })

  it('DELETE /v1/sessions/current: 204, also when it had ended meanwhile', async () => {
    const end = vi.fn<SessionStore['end']>(async () => false)
    const app = await appWith({ store: { end } })
    const request = { method: 'DELETE', url: '/v1/sessions/current', headers } as const
    expect((await app.inject(request)).statusCode).toBe(204)
    expect(end).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ sessionId: userId, userId, reason: 'logged_out' }),
    )
  })

  it('DELETE /v1/sessions: 204', async () => {
    const endAll = vi.fn<SessionStore['endAll']>(async () => undefined)
    const app = await appWith({ store: { endAll } })
    const response = await app.inject({ method: 'DELETE', url: '/v1/sessions', headers })
    expect(response.statusCode).toBe(204)
    const requestId = response.headers['request-id']
    expect(endAll).toHaveBeenCalledExactlyOnceWith({ userId, reason: 'logged_out', requestId })
  })

  it('InternalError: 500', async () => {
    const app = await appWith({ store: { list: fail, end: fail, endAll: fail } })
    for (const [method, url] of [
      ['GET', '/v1/sessions'],
      ['DELETE', '/v1/sessions'],
      ['DELETE', '/v1/sessions/current'],
      ['DELETE', `/v1/sessions/${encodeId('sess', stored.id)}`],
    ] as const) {
      expect((await app.inject({ method, url, headers })).statusCode).toBe(500)
      expect((await app.inject({ method, url })).statusCode).toBe(401)
    }
  })
})
