import { describe, expect, it, vi } from 'vitest'
import { asUser } from '../../http/testing.ts'
import { Fault } from '../../kernel/fault.ts'
import { decodeId, encodeId } from '../../kernel/ids.ts'
import { createPasswords, type Passwords } from '../passwords/passwords.ts'
import type { UserStore } from '../users/store.ts'
import type { SessionStore } from './store.ts'
import { appWith, credentials, opened, passwords, refreshTokens, tokens } from './testing.ts'

const login = { username: 'Alice', password: 'correct horse' }
const loginRequest = { method: 'POST', url: '/v1/sessions', body: login } as const

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
