import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asUser, buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { createUuidSource, encodeId } from '../kernel/ids.ts'
import { createAuditEventRoutes } from './routes.ts'
import type { AuditEventPage, AuditEventStore, StoredAuditEvent } from './store.ts'

const newId = createUuidSource()
const [auditor, colleague, teller, admin] = [newId(), newId(), newId(), newId()]
const roles = {
  [auditor]: ['auditor'],
  [colleague]: ['auditor'],
  [teller]: ['teller'],
  [admin]: ['admin'],
} as const

let rows: StoredAuditEvent[]
let pages: AuditEventPage[]
let list: AuditEventStore['list']
let app: Awaited<ReturnType<typeof buildTestApp>>

beforeAll(async () => {
  const auditEvents: AuditEventStore = {
    list: async (page) => list(page),
    insert: () => Promise.reject(new Error('no route writes')),
  }
  app = await buildTestApp({ routes: [createAuditEventRoutes({ auditEvents })], roles })
})

beforeEach(() => {
  rows = []
  pages = []
  list = async (page) => {
    pages.push(page)
    const { before, limit } = page
    return rows.filter(({ id }) => before === undefined || id < before).slice(0, limit)
  }
})

function put(changes: Partial<StoredAuditEvent> = {}): StoredAuditEvent {
  const event: StoredAuditEvent = {
    id: newId(),
    kind: 'deposit.posted',
    actorId: teller,
    origin: 'api',
    subject: { prefix: 'acct', id: newId() },
    facts: { transfer_id: encodeId('xfer', newId()) },
    requestId: 'req_1',
    count: 1,
    createdAt: new Date('2026-01-15T09:30:00.000Z'),
    ...changes,
  }
  rows.unshift(event)
  return event
}

const get = (query = '', userId = auditor) =>
  app.inject({ url: `/v1/audit-events${query}`, headers: asUser(userId) })

describe('GET /v1/audit-events', () => {
  test('OK: all members, ids as the API has them', async () => {
    const event = put()
    const anonymous = put({ actorId: null, subject: null, requestId: null, facts: {}, count: 17 })
    const response = await get()
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({
      data: [
        {
          id: encodeId('event', anonymous.id),
          kind: 'deposit.posted',
          actor_id: null,
          origin: 'api',
          subject_id: null,
          facts: {},
          request_id: null,
          count: 17,
          created_at: '2026-01-15T09:30:00.000Z',
        },
        {
          id: encodeId('event', event.id),
          kind: 'deposit.posted',
          actor_id: encodeId('user', teller),
          origin: 'api',
          subject_id: encodeId('acct', event.subject?.id ?? ''),
          facts: event.facts,
          request_id: 'req_1',
          count: 1,
          created_at: '2026-01-15T09:30:00.000Z',
        },
      ],
      next_cursor: null,
    })
  })

  test('hands every filter to the store', async () => {
    const account = newId()
    const subject = `subject_id=${encodeId('acct', account)}`
    const times = 'from=2026-01-15T09:30:00Z&to=2026-01-16T09:30:00%2B02:00'
    const who = `kind=session.refused&actor_id=${encodeId('user', teller)}`
    expect((await get(`?${who}&${subject}&${times}&limit=5`)).statusCode).toBe(200)
    expect(pages).toEqual([
      {
        kind: 'session.refused',
        actorId: teller,
        subject: { prefix: 'acct', id: account },
        from: new Date('2026-01-15T09:30:00Z'),
        to: new Date('2026-01-16T07:30:00Z'),
        before: undefined,
        limit: 6,
      },
    ])
  })

  test('pages by cursor to the end', async () => {
    const [first, second, third] = [put(), put(), put()]
    const page = (await get('?limit=2')).json()
    expect(page.data.map(({ id }: { id: string }) => id)).toEqual(
      [third, second].map(({ id }) => encodeId('event', id)),
    )
    const next = (await get(`?limit=2&cursor=${page.next_cursor}`)).json()
    expect(next.data).toMatchObject([{ id: encodeId('event', first.id) }])
    expect(next.next_cursor).toBeNull()
  })

  test('the id of no kind of thing finds nothing', async () => {
    put()
    const response = await get('?subject_id=nothing_01h455vb4pex5vsknk084sn02q')
    expect(response.json()).toEqual({ data: [], next_cursor: null })
    expect(pages).toEqual([])
  })

  test('InvalidCursor: another list, another filter, another user', async () => {
    put()
    put()
    const { next_cursor: cursor } = (await get('?limit=1')).json()
    for (const response of [
      await get('?cursor=abc'),
      await get(`?kind=user.disabled&cursor=${cursor}`),
      await get(`?cursor=${cursor}`, colleague),
    ]) {
      expect(response.statusCode).toBe(400)
      expect(response.json()).toMatchObject({ code: 'invalid_cursor' })
    }
  })

  test.each([
    'kind=nothing.happened',
    'actor_id=acct_01h455vb4pex5vsknk084sn02q',
    'subject_id=x',
    'from=2026-02-30T00:00:00Z',
    'to=yesterday',
    'limit=0',
    'limit=101',
    'unknown=1',
  ])('InvalidFilter: %s', async (query) => {
    const response = await get(`?${query}`)
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'validation_failed' })
  })

  test.each([
    ['a customer', newId()],
    ['a teller', teller],
    ['an admin', admin],
  ])('NoAuditor: %s is refused', async (_, userId) => {
    const response = await get('', userId)
    expect(response.statusCode).toBe(403)
    expect(response.json()).toMatchObject({ code: 'role_required', roles: ['auditor'] })
  })

  test('NoAuthorization', async () => {
    expect((await app.inject({ url: '/v1/audit-events' })).statusCode).toBe(401)
  })

  test('Unavailable and InternalError', async () => {
    list = async () => {
      throw new Fault('unavailable', 'gone')
    }
    expect((await get()).json()).toMatchObject({ code: 'unavailable', status: 503 })
    list = async () => {
      throw new Error('a bug')
    }
    expect((await get()).json()).toMatchObject({ code: 'internal_error', status: 500 })
  })
})
