/**
 * What admins and the operator change about users, each in one tx with its row of the audit trail.
 *
 * Invariant: there is always an active admin once there was one. Whatever might take the last one away
 * holds the lock of the first admin from before it counts until COMMIT, so of two admins who revoke
 * each other at once one is refused, on any number of servers.
 *
 * Locks, in this order: the advisory lock, the user's row, the user's sessions.
 */
import { sql, type Kysely } from 'kysely'
import {
  recordAuditEvent,
  type AuditEvent,
  type AuditFacts,
} from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Role } from '../../http/route.ts'
import { unreachable } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { endSessions } from '../sessions/ending-store.ts'
import { toUser, userColumns, type NarrowColumns } from './columns.ts'
import { firstAdminLock } from './store.ts'
import { roles as allRoles, type User } from './user.ts'

/** Whoever changes a user: an admin by a request, or the operator at the command line. */
export type UserAct = Pick<AuditEvent, 'actorId' | 'requestId'> & {
  origin: NonNullable<AuditEvent['origin']>
}

export type UserChange =
  | { kind: 'grant_role'; role: Role }
  | { kind: 'revoke_role'; role: Exclude<Role, 'customer'> }
  | { kind: 'disable' }
  | { kind: 'enable' }

/** `isNew`: false when the user was like that already, and nothing was recorded. */
export type UserChangeOutcome =
  | { kind: 'changed'; user: User; isNew: boolean }
  | { kind: 'refused'; code: 'user_not_found' | 'last_admin' }

export type UserName = { id: Uuid } | { username: string }

export interface UserAdminStore {
  change(who: UserName, change: UserChange, act: UserAct): Promise<UserChangeOutcome>
  /** Ends all sessions of a user. False when there is no such user. */
  endSessions(id: Uuid, act: UserAct): Promise<boolean>
}

export function createUserAdminStore({
  transaction,
}: Pick<Database, 'transaction'>): UserAdminStore {
  return {
    change: (who, change, act) => transaction((tx) => changeUser(tx, who, change, act)),

    endSessions: (id, act) =>
      transaction(async (tx) => {
        if ((await lockUser(tx, { id })) === undefined) return false
        const { length: count } = await endSessions(tx, { userId: id, reason: 'ended_by_admin' })
        await record(tx, id, 'user.sessions_ended', { reason: 'ended_by_admin', count }, act)
        return true
      }),
  }
}

async function changeUser(
  tx: Kysely<DB>,
  who: UserName,
  change: UserChange,
  act: UserAct,
): Promise<UserChangeOutcome> {
  if (mayEndAdmin(change)) await sql`select pg_advisory_xact_lock(${firstAdminLock})`.execute(tx)
  const before = await lockUser(tx, who)
  if (before === undefined) return { kind: 'refused', code: 'user_not_found' }
  const after = apply(before, change)
  const isSame = after.status === before.status && after.roles.length === before.roles.length
  if (isSame) return { kind: 'changed', user: before, isNew: false }
  if (isActiveAdmin(before) && !isActiveAdmin(after) && !(await hasOtherAdmin(tx, before.id))) {
    return { kind: 'refused', code: 'last_admin' }
  }
  await tx
    .updateTable('app_user')
    .set({ roles: [...after.roles], status: after.status })
    .where('id', '=', before.id)
    .execute()
  if (change.kind === 'disable') {
    await endSessions(tx, { userId: before.id, reason: 'user_disabled' })
  }
  const facts = 'role' in change ? { role: change.role } : {}
  await record(tx, before.id, eventKinds[change.kind], facts, act)
  return { kind: 'changed', user: after, isNew: true }
}

const eventKinds = {
  grant_role: 'user.role_granted',
  revoke_role: 'user.role_revoked',
  disable: 'user.disabled',
  enable: 'user.enabled',
} as const satisfies Record<UserChange['kind'], AuditEvent['kind']>

function mayEndAdmin(change: UserChange): boolean {
  return change.kind === 'disable' || (change.kind === 'revoke_role' && change.role === 'admin')
}

function isActiveAdmin({ roles, status }: User): boolean {
  return status === 'active' && roles.includes('admin')
}

/** The user after the change, roles in their one order. */
function apply(user: User, change: UserChange): User {
  const having = (keep: (role: Role) => boolean) => ({ ...user, roles: allRoles.filter(keep) })
  switch (change.kind) {
    case 'grant_role':
      return having((role) => role === change.role || user.roles.includes(role))
    case 'revoke_role':
      return having((role) => role !== change.role && user.roles.includes(role))
    case 'disable':
      return { ...user, status: 'disabled' }
    case 'enable':
      return { ...user, status: 'active' }
    default:
      return unreachable(change)
  }
}

/** Index app_user_pkey or app_user_username_key. FOR NO KEY UPDATE of one row. */
async function lockUser(tx: Kysely<DB>, who: UserName): Promise<User | undefined> {
  const users = tx.selectFrom('app_user').select(userColumns)
  const row = await (
    'id' in who ? users.where('id', '=', who.id) : users.where('username', '=', who.username)
  )
    .forNoKeyUpdate()
    .$narrowType<NarrowColumns>()
    .executeTakeFirst()
  return row && toUser(row)
}

/** A statement of its own after the lock: it sees what the holder before committed. */
async function hasOtherAdmin(tx: Kysely<DB>, id: Uuid): Promise<boolean> {
  const row = await tx
    .selectFrom('app_user')
    .select('id')
    .where('roles', '@>', sql<string[]>`array['admin']`)
    .where('status', '=', 'active')
    .where('id', '<>', id)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function record(
  tx: Kysely<DB>,
  userId: Uuid,
  kind: AuditEvent['kind'],
  facts: AuditFacts,
  act: UserAct,
): Promise<void> {
  return recordAuditEvent(tx, { ...act, kind, subject: { prefix: 'user', id: userId }, facts })
}
