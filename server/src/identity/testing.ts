/** What tests of identity share: users as data, and stores that fail where they were not mocked. */
import { createUuidSource } from '../kernel/ids.ts'
import type { SessionStore } from './sessions/store.ts'
import type { SecondFactors } from './second-factor/second-factor.ts'
import type { Credentials, UserStore } from './users/store.ts'
import type { User } from './users/user.ts'

const nextId = createUuidSource()

export function testUser(changes: Partial<User> = {}): User {
  return {
    id: nextId(),
    username: 'alice',
    fullName: 'Alice Adams',
    email: 'alice@example.com',
    emailVerified: false,
    roles: ['customer'],
    status: 'active',
    createdAt: new Date('2026-01-15T09:30:00.000Z'),
    ...changes,
  }
}

export function testCredentials(passwordHash: string, changes: Partial<User> = {}): Credentials {
  return { user: testUser(changes), passwordHash }
}

/** For logins of users who need a password only. */
export const noSecondFactors: Pick<SecondFactors, 'challenge' | 'answer'> = {
  challenge: async () => undefined,
  answer: async () => ({ kind: 'challenge_invalid' }),
}

/** A store of which a test says what it needs; any other call is a failure of the test. */
export function mockUserStore(methods: Partial<UserStore>): UserStore {
  return {
    insert: () => unexpected('insert'),
    find: () => unexpected('find'),
    list: () => unexpected('list'),
    findCredentials: () => unexpected('findCredentials'),
    update: () => unexpected('update'),
    replaceHash: () => unexpected('replaceHash'),
    setPasswordHash: () => unexpected('setPasswordHash'),
    hasAdmin: () => unexpected('hasAdmin'),
    insertFirstAdmin: () => unexpected('insertFirstAdmin'),
    ...methods,
  }
}

export function mockSessionStore(methods: Partial<SessionStore>): SessionStore {
  return {
    open: () => unexpected('open'),
    refresh: () => unexpected('refresh'),
    list: () => unexpected('list'),
    end: () => unexpected('end'),
    ownerOf: () => unexpected('ownerOf'),
    endAll: () => unexpected('endAll'),
    ...methods,
  }
}

async function unexpected(method: string): Promise<never> {
  throw new Error(`unexpected call of ${method}`)
}
