import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asUser, buildTestApp } from '../../http/testing.ts'
import { Fault } from '../../kernel/fault.ts'
import { createUuidSource, encodeId, type Uuid } from '../../kernel/ids.ts'
import { testUser } from '../testing.ts'
import { createUserAdminRoutes } from './admin-routes.ts'
import type { UserAct, UserAdminStore, UserChangeOutcome } from './admin-store.ts'
import { renderUser } from './render.ts'

const nextId = createUuidSource()
const [admin, teller] = [nextId(), nextId()]
const user = testUser()
const id = encodeId('user', user.id)
const changed: UserChangeOutcome = { kind: 'changed', user, isNew: true }

let store: UserAdminStore
let calls: { who: unknown; what: unknown; act: UserAct }[]
let app: Awaited<ReturnType<typeof buildTestApp>>

beforeAll(async () => {
  const present: UserAdminStore = {
    change: async (...order) => store.change(...order),
    endSessions: async (...order) => store.endSessions(...order),
  }
  const roles = { [admin]: ['admin'], [teller]: ['teller', 'auditor'] } as const
  app = await buildTestApp({ routes: [createUserAdminRoutes({ admin: present })], roles })
})

beforeEach(() => {
  calls = []
  answerWith(async () => changed)
})

function answerWith(answer: () => Promise<UserChangeOutcome>, isKnown = true) {
  store = {
    async change(who, what, act) {
      calls.push({ who, what, act })
      return await answer()
    },
    async endSessions(userId, act) {
      calls.push({ who: { id: userId }, what: 'end sessions', act })
      await answer()
      return isKnown
    },
  }
}

const requests = [
  ['PUT', `/v1/users/${id}/roles/teller`, { kind: 'grant_role', role: 'teller' }],
  ['DELETE', `/v1/users/${id}/roles/admin`, { kind: 'revoke_role', role: 'admin' }],
  ['POST', `/v1/users/${id}/disable`, { kind: 'disable' }],
  ['POST', `/v1/users/${id}/enable`, { kind: 'enable' }],
  ['DELETE', `/v1/users/${id}/sessions`, 'end sessions'],
] as const

async function send(method: 'PUT' | 'DELETE' | 'POST', url: string, userId: Uuid = admin) {
  return await app.inject({ method, url, headers: asUser(userId) })
}

describe.each(requests)('%s %s', (method, url, what) => {
  it('OK: does it on behalf of the admin and shows the user', async () => {
    const response = await send(method, url)
    const requestId = response.headers['request-id']
    expect(calls).toEqual([
      { who: { id: user.id }, what, act: { actorId: admin, origin: 'api', requestId } },
    ])
    const shown = what === 'end sessions' ? [204, ''] : [200, JSON.stringify(renderUser(user))]
    expect([response.statusCode, response.body]).toEqual(shown)
  })

  it('UserNotFound: 404', async () => {
    answerWith(async () => ({ kind: 'refused', code: 'user_not_found' }), false)
    const response = await send(method, url)
    expect(response.json()).toMatchObject({ status: 404, code: 'user_not_found' })
  })

  it('InvalidID: 400', async () => {
    const wrong = url.replace(id, 'acct_01h455vb4pex5vsknk084sn02q')
    expect((await send(method, wrong)).json()).toMatchObject({ code: 'validation_failed' })
  })

  it('NoAdmin: 403 for other staff and for customers, and nothing is done', async () => {
    for (const userId of [teller, nextId()]) {
      const response = await send(method, url, userId)
      expect(response.json()).toMatchObject({ code: 'role_required', roles: ['admin'] })
    }
    expect((await app.inject({ method, url })).json()).toMatchObject({ code: 'token_missing' })
    expect(calls).toEqual([])
  })

  it('Unavailable and InternalError', async () => {
    answerWith(() => Promise.reject(new Fault('unavailable', 'gone')))
    expect((await send(method, url)).json()).toMatchObject({ status: 503, code: 'unavailable' })
    answerWith(() => Promise.reject(new Error('planted')))
    expect((await send(method, url)).json()).toMatchObject({ status: 500, code: 'internal_error' })
  })
})

it('LastAdmin: 409', async () => {
  answerWith(async () => ({ kind: 'refused', code: 'last_admin' }))
  for (const [method, url] of [requests[1], requests[2]]) {
    expect((await send(method, url)).json()).toMatchObject({ status: 409, code: 'last_admin' })
  }
})

it('nobody is made or unmade a customer, or what is no role', async () => {
  for (const role of ['customer', 'owner', 'Admin']) {
    for (const method of ['PUT', 'DELETE'] as const) {
      const response = await send(method, `/v1/users/${id}/roles/${role}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    }
  }
  expect(calls).toEqual([])
})
