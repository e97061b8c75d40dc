/**
 * What only an operator does to users, at the command line and at the first start: make staff, give
 * roles, set a forgotten password. Whoever calls this is trusted; what they typed is checked.
 */
import type { Database } from '../database/database.ts'
import { staffRoles } from '../http/roles.ts'
import { addJob } from '../jobs/jobs.ts'
import { createUuidSource } from '../kernel/ids.ts'
import { createMailQueue } from './mails/mail-request.ts'
import type { Passwords } from './passwords/passwords.ts'
import { createUserAdminStore, type UserAct, type UserChange } from './users/admin-store.ts'
import { createSecondFactorStore } from './second-factor/store.ts'
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
  revokeRole(request: { username: string; role: string }): Promise<AdministrationOutcome>
  disable(request: { username: string }): Promise<AdministrationOutcome>
  enable(request: { username: string }): Promise<AdministrationOutcome>
  setPassword(request: { username: string; password: string }): Promise<AdministrationOutcome>
  /** For who has lost the app and the recovery codes. */
  removeSecondFactor(request: { username: string }): Promise<AdministrationOutcome>
}

/** `detail` is English, for people, and never holds a password. */
export type AdministrationOutcome =
  | { ok: true; user: User }
  | {
      ok: false
      code: 'invalid' | 'username_taken' | 'user_not_found' | 'last_admin' | 'no_second_factor'
      detail: string
    }

export function createUserAdministration({
  database,
  passwords,
}: {
  database: Pick<Database, 'kysely' | 'transaction'>
  passwords: Passwords
}): UserAdministration {
  const store = createUserStore(database)
  const users = createUsers({ store, passwords, nextId: createUuidSource() })
  const admin = createUserAdminStore(database)
  const queueMail = createMailQueue(addJob)
  const secondFactors = createSecondFactorStore({ ...database, queueMail })

  async function change(typed: string, wanted: UserChange): Promise<AdministrationOutcome> {
    const username = normalizeUsername(typed)
    if (username === undefined) return found(typed, undefined)
    const outcome = await admin.change({ username }, wanted, operator)
    if (outcome.kind === 'changed') return { ok: true, user: outcome.user }
    if (outcome.code === 'user_not_found') return found(typed, undefined)
    const detail = `${username} is the last active admin: make another one first`
    return { ok: false, code: outcome.code, detail }
  }

  return {
    async createUser({ username: typed, roles: granted, ...request }) {
      const username = normalizeUsername(typed)
      const problem = describeProblems({ ...request, username: typed }) ?? describeRoles(granted)
      if (problem !== undefined || username === undefined) return invalid(problem)
      const allRoles = roles.filter((role) => role === 'customer' || granted.includes(role))
      const outcome = await users.create({
        ...request,
        username,
        roles: allRoles,
        origin: 'command',
      })
      if (outcome.kind === 'created') return { ok: true, user: outcome.user }
      return { ok: false, code: outcome.code, detail: `the username ${username} is taken` }
    },

    async grantRole({ username, role }) {
      const known = staffRoles.find((name) => name === role)
      if (known === undefined) return invalid(describeStaffRole(role))
      return await change(username, { kind: 'grant_role', role: known })
    },

    async revokeRole({ username, role }) {
      const known = staffRoles.find((name) => name === role)
      if (known === undefined) return invalid(describeStaffRole(role))
      return await change(username, { kind: 'revoke_role', role: known })
    },

    disable: ({ username }) => change(username, { kind: 'disable' }),
    enable: ({ username }) => change(username, { kind: 'enable' }),

    async setPassword({ username: typed, password }) {
      const problem = describeProblems({ password })
      if (problem !== undefined) return invalid(problem)
      const username = normalizeUsername(typed)
      if (username === undefined) return found(typed, undefined)
      return found(typed, await store.setPasswordHash(username, await passwords.hash(password)))
    },

    async removeSecondFactor({ username: typed }) {
      const username = normalizeUsername(typed)
      const known = username === undefined ? undefined : await store.findCredentials({ username })
      if (known === undefined) return found(typed, undefined)
      if (await secondFactors.removeByOperator(known.user.id)) return { ok: true, user: known.user }
      return { ok: false, code: 'no_second_factor', detail: `${username} has no second factor` }
    },
  }
}

/** The operator is nobody of the bank's users, and needs no request. */
const operator: UserAct = { actorId: null, origin: 'command', requestId: null }

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

function describeStaffRole(name: string): string {
  return `there is no role ${name} to give or take: it is one of ${staffRoles.join(', ')}`
}

function describeRoles(names: readonly string[]): string | undefined {
  const known: readonly string[] = roles
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return undefined
  return `there is no role ${unknown.join(', ')}: roles are ${roles.join(', ')}`
}
