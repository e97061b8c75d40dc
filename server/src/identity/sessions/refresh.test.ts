import { describe, expect, it, vi } from 'vitest'
import { encodeId } from '../../kernel/ids.ts'
import type { SessionStore } from './store.ts'
import { appWith, credentials, fail, nextId, opened, refreshTokens, tokens } from './testing.ts'

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
