/**
 * Users as they are stored. Reads see committed data and lock nothing; a write is one tx that locks
 * one row. A hash leaves the store only where a password is to be compared.
 */
import { sql, type Kysely } from 'kysely'
import { recordAuditEvent, type AuditOrigin } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import { isUniqueViolation } from '../../database/errors.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Role } from '../../http/route.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { QueueMail } from '../mails/mail-request.ts'
import { endSessions } from '../sessions/ending-store.ts'
import { toUser, userColumns, type NarrowColumns } from './columns.ts'
import type { User, UserStatus } from './user.ts'

export interface NewUser {
  id: Uuid
  /** In lower case. */
  username: string
  fullName: string
  email: string
  passwordHash: string
  roles: readonly Role[]
  /** Who makes the user, for the audit trail of staff; `api` when not given. */
  origin?: AuditOrigin
}

/** Absent members stay as they are. */
export interface UserChanges {
  fullName?: string | undefined
  /** Another address than before is not verified. */
  email?: string | undefined
  /** For the audit trail. */
  requestId?: string | undefined
  password?: PasswordChange | undefined
}

export interface PasswordChange {
  /** Takes effect only while the stored hash is still this one. */
  before: string
  after: string
  /** The session that goes on; all others of the user end. */
  keptSessionId: Uuid | undefined
  requestId: string | null
}

export interface Credentials {
  user: User
  passwordHash: string
}

export interface UserPage {
  username?: string | undefined
  email?: string | undefined
  /** In lower case. */
  usernamePrefix?: string | undefined
  role?: Role | undefined
  status?: UserStatus | undefined
  /** Only users who came before this one. */
  before?: Uuid | undefined
  limit: number
}

export interface UserStore {
  insert(user: NewUser): Promise<User | 'username_taken'>
  find(id: Uuid): Promise<User | undefined>
  /** Newest first; `username` in lower case, `email` in any. */
  list(page: UserPage): Promise<User[]>
  findCredentials(by: { id: Uuid } | { username: string }): Promise<Credentials | undefined>
  /** `undefined` when there is no such user, or the password is no longer the one before. */
  update(id: Uuid, changes: UserChanges): Promise<User | undefined>
  /** Stores the same password under a stronger hash, unless it has changed meanwhile. */
  replaceHash(id: Uuid, hash: { before: string; after: string }): Promise<void>
  /** Sets the password whatever it was, and ends all sessions. `undefined` when there is no such user. */
  setPasswordHash(username: string, passwordHash: string): Promise<User | undefined>
  hasAdmin(): Promise<boolean>
  /**
   * Inserts the user unless there is an admin. Servers that start at once take turns, by an
   * advisory lock of the tx, so that one of them makes the admin and the others see it.
   */
  insertFirstAdmin(user: NewUser): Promise<User | 'username_taken' | 'admin_exists'>
}

/** Any number that is this lock's alone in the database: the bytes of "admin". */
export const firstAdminLock = 0x61_64_6d_69_6e

export interface UserStoreDependencies {
  kysely: Database['kysely']
  transaction: Database['transaction']
  /** Asks for the mails that follow from a new address. Without it, users are made without mails. */
  queueMail?: QueueMail | undefined
}

export function createUserStore({
  kysely,
  transaction,
  queueMail = async () => undefined,
}: UserStoreDependencies): UserStore {
  const users = kysely.selectFrom('app_user').select(userColumns).$narrowType<NarrowColumns>()

  return {
    async insert(user) {
      return await orUsernameTaken(
        transaction(async (tx) => {
          const inserted = await insertUser(tx, user)
          await queueMail(tx, { kind: 'email_confirmation', userId: user.id })
          return inserted
        }),
      )
    },

    async find(id) {
      const row = await users.where('id', '=', id).executeTakeFirst()
      return row && toUser(row)
    },

    // Index app_user_username_key, app_user_email or the primary key read backwards; the other filters
    // are checked on the way.
    async list({ username, email, usernamePrefix, role, status, before, limit }) {
      let query = users
      if (username !== undefined) query = query.where('username', '=', username)
      if (email !== undefined) query = query.where(sql`lower(email)`, '=', sql`lower(${email})`)
      if (usernamePrefix !== undefined) {
        query = query.where(sql<boolean>`starts_with(username, ${usernamePrefix})`)
      }
      if (role !== undefined)
        query = query.where('roles', '@>', sql<string[]>`array[${role}::text]`)
      if (status !== undefined) query = query.where('status', '=', status)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.orderBy('id', 'desc').limit(limit).execute()).map(toUser)
    },

    async findCredentials(by) {
      const query = users.select('password_hash')
      const row = await (
        'id' in by ? query.where('id', '=', by.id) : query.where('username', '=', by.username)
      ).executeTakeFirst()
      return row && { user: toUser(row), passwordHash: row.password_hash }
    },

    async update(id, { fullName, email, password, requestId }) {
      return await transaction(async (tx) => {
        const emailBefore = email === undefined ? undefined : await lockEmail(tx, id)
        let query = tx.updateTable('app_user').where('id', '=', id).returning(userColumns)
        if (fullName !== undefined) query = query.set({ full_name: fullName })
        if (email !== undefined) {
          const isSame = sql<boolean>`email_verified and email = ${email}`
          query = query.set({ email, email_verified: isSame })
        }
        if (password !== undefined) {
          query = query
            .set({ password_hash: password.after, password_changed_at: sql`bank_now()` })
            .where('password_hash', '=', password.before)
        }
        const row = await query.$narrowType<NarrowColumns>().executeTakeFirst()
        if (row && password !== undefined) await endOtherSessions(tx, id, password)
        if (row && emailBefore && emailBefore.email !== row.email) {
          await followNewEmail({ tx, userId: id, before: emailBefore, requestId, queueMail })
        }
        return row && toUser(row)
      })
    },

    async replaceHash(id, { before, after }) {
      await transaction((tx) =>
        tx
          .updateTable('app_user')
          .set({ password_hash: after })
          .where('id', '=', id)
          .where('password_hash', '=', before)
          .execute(),
      )
    },

    async setPasswordHash(username, passwordHash) {
      return await transaction(async (tx) => {
        const row = await tx
          .updateTable('app_user')
          .set({ password_hash: passwordHash, password_changed_at: sql`bank_now()` })
          .where('username', '=', username)
          .returning(userColumns)
          .$narrowType<NarrowColumns>()
          .executeTakeFirst()
        if (row === undefined) return undefined
        await endSessions(tx, { userId: row.id, reason: 'password_reset' })
        await recordAuditEvent(tx, {
          kind: 'user.password_reset',
          actorId: null,
          origin: 'command',
          subject: { prefix: 'user', id: row.id },
          requestId: null,
        })
        return toUser(row)
      })
    },

    hasAdmin: () => hasAdmin(kysely),

    async insertFirstAdmin(user) {
      return await orUsernameTaken(
        transaction(async (tx) => {
          await sql`select pg_advisory_xact_lock(${firstAdminLock})`.execute(tx)
          // A statement of its own: it must see what the holder of the lock before committed.
          return (await hasAdmin(tx)) ? 'admin_exists' : await insertUser(tx, user)
        }),
      )
    },
  }
}

/** After the change of the user, in a statement of its own: see ending-store.ts. */
async function endOtherSessions(
  tx: Kysely<DB>,
  userId: Uuid,
  { keptSessionId, requestId }: PasswordChange,
): Promise<void> {
  await endSessions(tx, { userId, reason: 'password_changed', exceptId: keptSessionId })
  await recordAuditEvent(tx, {
    kind: 'user.password_changed',
    actorId: userId,
    subject: { prefix: 'user', id: userId },
    requestId,
  })
}

interface EmailBefore {
  email: string
  email_verified: boolean
}

/** The address that is about to be replaced; nobody else replaces it meanwhile. */
async function lockEmail(tx: Kysely<DB>, userId: Uuid): Promise<EmailBefore | undefined> {
  return await tx
    .selectFrom('app_user')
    .select(['email', 'email_verified'])
    .where('id', '=', userId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** The new address is to be confirmed; who had the old one learns of it, if that was confirmed. */
async function followNewEmail(change: {
  tx: Kysely<DB>
  userId: Uuid
  before: EmailBefore
  requestId: string | undefined
  queueMail: QueueMail
}): Promise<void> {
  const { tx, userId, before, requestId, queueMail } = change
  await recordAuditEvent(tx, {
    kind: 'user.email_changed',
    actorId: userId,
    subject: { prefix: 'user', id: userId },
    requestId: requestId ?? null,
  })
  await queueMail(tx, { kind: 'email_confirmation', userId })
  if (!before.email_verified) return
  await queueMail(tx, { kind: 'notice', notice: 'email_changed', userId, email: before.email })
}

async function insertUser(tx: Kysely<DB>, user: NewUser): Promise<User> {
  const row = await tx
    .insertInto('app_user')
    .values({
      id: user.id,
      username: user.username,
      full_name: user.fullName,
      email: user.email,
      password_hash: user.passwordHash,
      roles: [...user.roles],
    })
    .returning(userColumns)
    .$narrowType<NarrowColumns>()
    .executeTakeFirstOrThrow()
  if (user.roles.length > 1) await recordStaff(tx, user)
  return toUser(row)
}

/** Whoever is staff from the first moment on has been given roles by that. */
async function recordStaff(tx: Kysely<DB>, { id, roles, origin }: NewUser): Promise<void> {
  await recordAuditEvent(tx, {
    kind: 'user.created',
    actorId: null,
    ...(origin && { origin }),
    subject: { prefix: 'user', id },
    facts: { roles: roles.join(',') },
    requestId: null,
  })
}

async function orUsernameTaken<T>(inserting: Promise<T>): Promise<T | 'username_taken'> {
  try {
    return await inserting
  } catch (error) {
    if (isUniqueViolation(error, 'app_user_username_key')) return 'username_taken'
    throw error
  }
}

/** Reads the whole table where there is none, which is at the first start. */
async function hasAdmin(kysely: Kysely<DB>): Promise<boolean> {
  const row = await kysely
    .selectFrom('app_user')
    .select('id')
    .where('roles', '@>', sql<string[]>`array['admin']`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
