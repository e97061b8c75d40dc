import { describe, expect, it, vi } from 'vitest'
import { asUser } from '../../http/testing.ts'
import { encodeId } from '../../kernel/ids.ts'
import type { SessionStore, StoredSession } from './store.ts'
import { appWith, credentials, fail, nextId, opened, present } from './testing.ts'

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
