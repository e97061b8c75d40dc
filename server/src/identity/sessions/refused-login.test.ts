import { randomBytes } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import type { AuditEvent } from '../../audit-events/audit-events.ts'
import { systemClock } from '../../kernel/clock.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import { createPasswords } from '../passwords/passwords.ts'
import { mockSessionStore, mockUserStore, testCredentials, noSecondFactors } from '../testing.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { createTokenMaker } from '../tokens/token-maker.ts'
import type { Credentials } from '../users/store.ts'
import { createRefreshTokens } from './refresh-token.ts'
import { createSessions } from './sessions.ts'

const ring = endlessKeyRing([new Uint8Array(randomBytes(32))])
const clock = systemClock
const names = { issuer: 'tallystick', audience: 'tallystick' }
const passwords = createPasswords({ cost: 4 })
const device = { userAgent: null, address: null, requestId: 'req_1' }
const right = { username: 'alice', password: 'correct horse', ...device }
let alice: Credentials

beforeAll(async () => {
  alice = testCredentials(await passwords.hash(right.password))
})

/** Logs in and gives what the audit trail is told of it, beside what the store writes. */
async function eventsOf(request: typeof right, found: Credentials | undefined, isOpened = true) {
  const recorded: AuditEvent[] = []
  const opened = { accessEpoch: 0, refreshExpiresAt: new Date() }
  const sessions = createSessions({
    secondFactors: noSecondFactors,
    users: mockUserStore({ findCredentials: async () => found }),
    store: mockSessionStore({ open: async () => (isOpened ? opened : undefined) }),
    passwords,
    tokens: createTokenMaker({ kind: 'paseto_v4', ring, ...names, clock }),
    refreshTokens: createRefreshTokens({ ring, clock }),
    accessTokenDurationSeconds: 900,
    refreshTokenDurationSeconds: 86_400,
    nextId: createUuidSource(),
    auditWriter: { record: (event) => recorded.push(event) },
  })
  await sessions.open(request)
  return recorded
}

const refused = {
  kind: 'session.refused',
  actorId: null,
  facts: { code: 'credentials_invalid' },
  requestId: 'req_1',
}

it('a failed login names the user it was for, as a subject and never as an actor', async () => {
  const subject = { prefix: 'user', id: alice.user.id }
  const wrong = { ...right, password: 'wrong horse' }
  expect(await eventsOf(wrong, alice)).toEqual([{ ...refused, subject }])
  const disabled: Credentials = { ...alice, user: { ...alice.user, status: 'disabled' } }
  expect(await eventsOf(right, disabled)).toEqual([{ ...refused, subject }])
  expect(await eventsOf(right, alice, false)).toEqual([{ ...refused, subject }])
})

it('a failed login for nobody keeps no name that was typed', async () => {
  expect(await eventsOf(right, undefined)).toEqual([{ ...refused, subject: null }])
})

it('a login that succeeds is left to the tx that opens the session', async () => {
  expect(await eventsOf(right, alice)).toEqual([])
})
