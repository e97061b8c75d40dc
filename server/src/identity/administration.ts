/**
 * What only an operator does to users, at the command line and at the first start: make staff, give
 * roles, set a forgotten password. Whoever calls this is trusted; what they typed is checked.
 */
import type { Database } from '../database/database.ts'
import { createUuidSource } from '../kernel/ids.ts'
import type { Passwords } from './passwords/passwords.ts'
import { createUserStore } from './users/store.ts'
import { findUserTextProblems, normalizeUsername, roles, type User } from './users/user.ts'
import { createUsers } from './users/users.ts'

export interface UserAdministration {
  createUser(request: {
    username: string
    password: string
    fullName: string
    email: string
    /** Beside `customer`, which everyone is. */
    roles: readonly string[]
  }): Promise<AdministrationOutcome>
  grantRole(request: { username: string; role: string }): Promise<AdministrationOutcome>
  setPassword(request: { username: string; password: string }): Promise<AdministrationOutcome>
}

/** `detail` is English, for people, and never holds a password. */
export type AdministrationOutcome =
  | { ok: true; user: User }
  | { ok: false; code: 'invalid' | 'username_taken' | 'user_not_found'; detail: string }

export function createUserAdministration({
  database,
  passwords,
}: {
  database: Pick<Database, 'kysely' | 'transaction'>
  passwords: Passwords
}): UserAdministration {
  const store = createUserStore(database)
  const users = createUsers({ store, passwords, nextId: createUuidSource() })

  return {
    async createUser({ username: typed, roles: granted, ...request }) {
      const username = normalizeUsername(typed)
      const problem = describeProblems({ ...request, username: typed }) ?? describeRoles(granted)
      if (problem !== undefined || username === undefined) return invalid(problem)
      const allRoles = roles.filter((role) => role === 'customer' || granted.includes(role))
      const outcome = await users.create({ ...request, username, roles: allRoles })
      if (outcome.kind === 'created') return { ok: true, user: outcome.user }
      return { ok: false, code: outcome.code, detail: `the username ${username} is taken` }
    },

    async grantRole({ username: typed, role }) {
      const known = roles.find((name) => name === role)
      if (known === undefined) return invalid(describeRoles([role]))
      const username = normalizeUsername(typed)
      return found(typed, username && (await store.grantRole(username, known)))
    },

    async setPassword({ username: typed, password }) {
      const problem = describeProblems({ password })
      if (problem !== undefined) return invalid(problem)
      const username = normalizeUsername(typed)
      if (username === undefined) return found(typed, undefined)
      return found(typed, await store.setPasswordHash(username, await passwords.hash(password)))
    },
  }
}

function invalid(detail = 'the request is not valid'): AdministrationOutcome {
  return { ok: false, code: 'invalid', detail }
}

function found(typed: string, user: User | '' | undefined): AdministrationOutcome {
  if (user) return { ok: true, user }
  return { ok: false, code: 'user_not_found', detail: `there is no user ${JSON.stringify(typed)}` }
}

const wordsOfMember = {
  username: 'the username',
  fullName: 'the full name',
  email: 'the e-mail address',
  password: 'the password',
} as const

function describeProblems(text: Parameters<typeof findUserTextProblems>[0]): string | undefined {
  const findings = findUserTextProblems(text)
  if (findings.length === 0) return undefined
  return findings.map(({ member, detail }) => `${wordsOfMember[member]}: ${detail}`).join('; ')
}

function describeRoles(names: readonly string[]): string | undefined {
  const known: readonly string[] = roles
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return undefined
  return `there is no role ${unknown.join(', ')}: roles are ${roles.join(', ')}`
}
