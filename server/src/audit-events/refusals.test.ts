import { describe, expect, it } from 'vitest'
import type { RequestRecord } from '../http/request-record.ts'
import { createUuidSource } from '../kernel/ids.ts'
import type { AuditEvent } from './event.ts'
import { recordRefusals } from './refusals.ts'

const userId = createUuidSource()()

function request(changes: Partial<RequestRecord>): RequestRecord {
  return {
    requestId: 'req_1',
    traceId: undefined,
    method: 'GET',
    route: '/v1/users/:id',
    path: '/v1/users/user_1',
    status: 200,
    problemCode: undefined,
    hiddenThing: undefined,
    durationMilliseconds: 1,
    userId,
    remoteAddress: '127.0.0.1',
    isAnswered: true,
    ...changes,
  }
}

function eventsOf(record: RequestRecord): AuditEvent[] {
  const events: AuditEvent[] = []
  const told: RequestRecord[] = []
  const hooks = { onRequestDone: (each: RequestRecord) => void told.push(each) }
  recordRefusals({ record: (event) => events.push(event) }, hooks).onRequestDone(record)
  expect(told).toEqual([record])
  return events
}

describe('refusals of access', () => {
  it('of a user name the user and the route, and nothing that was sent', () => {
    const facts = { code: 'role_required', method: 'GET', route: '/v1/users/:id' }
    expect(eventsOf(request({ status: 403, problemCode: 'role_required' }))).toEqual([
      { kind: 'access.refused', actorId: userId, subject: null, facts, requestId: 'req_1' },
    ])
  })

  it('of a stranger name nobody', () => {
    const refused = { status: 401, problemCode: 'token_invalid', userId: undefined } as const
    expect(eventsOf(request(refused))).toMatchObject([{ actorId: null }])
  })

  it('of what is not theirs name it, though the answer did not', () => {
    const hiddenThing = { prefix: 'acct', id: userId } as const
    const masked = { status: 404, problemCode: 'account_not_found', hiddenThing } as const
    expect(eventsOf(request(masked))).toMatchObject([
      { kind: 'access.refused', actorId: userId, subject: hiddenThing },
    ])
  })

  it.each([
    ['current_password_incorrect', 'user.password_refused'],
    ['second_factor_code_incorrect', 'second_factor.refused'],
  ] as const)('of a secret are a kind of their own: %s', (problemCode, kind) => {
    const guess = request({ status: 422, problemCode })
    expect(eventsOf(guess)).toMatchObject([{ kind, actorId: userId }])
    // The second step of a login, which has an event of its own.
    expect(eventsOf({ ...guess, userId: undefined })).toEqual([])
  })

  it.each([
    [200, undefined],
    [404, 'account_not_found'],
    [422, 'insufficient_funds'],
    [500, 'internal_error'],
    [401, 'credentials_invalid'],
    [401, 'token_expired'],
  ] as const)('are not a %i %s', (status, problemCode) => {
    expect(eventsOf(request({ status, problemCode }))).toEqual([])
  })
})
