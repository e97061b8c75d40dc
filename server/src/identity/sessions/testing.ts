/** What tests of the session routes share: a server whose stores each test mocks, with one user. */
import { randomBytes } from 'node:crypto'
import { buildTestApp } from '../../http/testing.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import { createPasswords, type Passwords } from '../passwords/passwords.ts'
import { mockSessionStore, mockUserStore, testCredentials, noSecondFactors } from '../testing.ts'
import { endlessKeyRing } from '../tokens/key-ring.ts'
import { createTokenMaker } from '../tokens/token-maker.ts'
import type { UserStore } from '../users/store.ts'
import { createRefreshTokens } from './refresh-token.ts'
import { createSessionRoutes } from './routes.ts'
import { createSessions } from './sessions.ts'
import type { SessionStore } from './store.ts'

export const present = new Date('2026-03-01T12:00:00.000Z')
const clock = { now: () => present }
const ring = endlessKeyRing([new Uint8Array(randomBytes(32))])
export const tokens = createTokenMaker({
  kind: 'paseto_v4',
  ring,
  issuer: 'tallystick',
  audience: 'tallystick',
  clock,
})
export const refreshTokens = createRefreshTokens({ ring, clock })
export const passwords = createPasswords({ cost: 4 })
export const credentials = testCredentials(await passwords.hash('correct horse'))
export const nextId = createUuidSource()
export const opened = { accessEpoch: 7, refreshExpiresAt: new Date('2026-03-02T12:00:00.000Z') }

interface Mocks {
  users?: Partial<UserStore>
  store?: Partial<SessionStore>
  passwords?: Passwords
}

export const fail = () => Promise.reject(new Error('planted'))

export async function appWith(mocks: Mocks) {
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
