/** Making and changing users: what may be asked is checked by the caller, see `user.ts`. */
import type { AuditOrigin } from '../../audit-events/audit-events.ts'
import type { Role } from '../../http/route.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { UserStore } from './store.ts'
import type { User } from './user.ts'

export interface UserRequest {
  /** In lower case. */
  username: string
  fullName: string
  email: string
  password: string
  roles: readonly Role[]
  /** `api` when not given. */
  origin?: AuditOrigin
}

export interface UserUpdate {
  fullName?: string | undefined
  email?: string | undefined
  /** For the audit trail. */
  requestId?: string | undefined
  /** With the session that asks, which goes on while the others end. */
  password?:
    | { current: string; next: string; sessionId: Uuid | undefined; requestId: string | null }
    | undefined
}

export type CreateUserOutcome =
  | { kind: 'created'; user: User }
  | { kind: 'refused'; code: 'username_taken' }

export type UpdateUserOutcome =
  | { kind: 'updated'; user: User }
  | { kind: 'refused'; code: 'user_not_found' | 'current_password_incorrect' }

export interface Users {
  create(request: UserRequest): Promise<CreateUserOutcome>
  update(id: Uuid, update: UserUpdate): Promise<UpdateUserOutcome>
}

export interface UsersDependencies {
  store: UserStore
  passwords: Passwords
  nextId: () => Uuid
}

export function createUsers({ store, passwords, nextId }: UsersDependencies): Users {
  async function create({ password, ...request }: UserRequest): Promise<CreateUserOutcome> {
    const passwordHash = await passwords.hash(password)
    const user = await store.insert({ ...request, id: nextId(), passwordHash })
    if (user === 'username_taken') return { kind: 'refused', code: user }
    return { kind: 'created', user }
  }

  async function update(
    id: Uuid,
    { password, ...changes }: UserUpdate,
  ): Promise<UpdateUserOutcome> {
    if (password === undefined) {
      const user = await store.update(id, changes)
      return user ? { kind: 'updated', user } : { kind: 'refused', code: 'user_not_found' }
    }
    const before = (await store.findCredentials({ id }))?.passwordHash
    if (before === undefined || !(await passwords.verify(password.current, before))) {
      return { kind: 'refused', code: 'current_password_incorrect' }
    }
    const after = await passwords.hash(password.next)
    // Another change may have come first: then what was called current no longer is.
    const { sessionId: keptSessionId, requestId } = password
    const change = { before, after, keptSessionId, requestId }
    const user = await store.update(id, { ...changes, password: change })
    if (user === undefined) return { kind: 'refused', code: 'current_password_incorrect' }
    return { kind: 'updated', user }
  }

  return { create, update }
}
