import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts'
import { createAuditEventStore, type AuditEventStore } from '../../audit-events/store.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import type { Role } from '../../http/route.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import { createUserAdminStore, type UserAct, type UserAdminStore } from './admin-store.ts'
import { createUserStore, type UserStore } from './store.ts'
import type { User } from './user.ts'

const nextId = createUuidSource()
let testDatabase: TestDatabase
let databases: Database[]
let owner: Client
let users: UserStore
let admin: UserAdminStore
/** The same as another server has it. */
let otherAdmin: UserAdminStore
let auditEvents: AuditEventStore

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { url } = testDatabase
  const open = () =>
    createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
  const [database, other] = [open(), open()]
  databases = [database, other]
  owner = new Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  users = createUserStore(database)
  admin = createUserAdminStore(database)
  otherAdmin = createUserAdminStore(other)
  auditEvents = createAuditEventStore(database)
})

afterAll(async () => {
  await owner.end()
  await Promise.all(databases.map((database) => database.close()))
  await testDatabase.drop()
})

// The last admin is one of the whole bank, so none may be left over from another test.
beforeEach(async () => {
  await owner.query(`delete from session`)
  await owner.query(`delete from app_user`)
})

let count = 0

async function insert(...roles: Role[]): Promise<User> {
  count += 1
  const username = `user_${count}`
  const profile = { username, fullName: 'A User', email: `${username}@example.com` }
  const passwordHash = `$2b$12$${'a'.repeat(53)}`
  const allRoles: Role[] = ['customer', ...roles]
  const user = await users.insert({ id: nextId(), ...profile, passwordHash, roles: allRoles })
  if (user === 'username_taken') throw new Error('the username is taken')
  return user
}

function act(actorId: Uuid | null = nextId()): UserAct {
  return { actorId, origin: 'api', requestId: 'req_1' }
}

async function eventsOf({ id }: User) {
  const events = await auditEvents.list({ subject: { prefix: 'user', id }, limit: 10 })
  return events.map(({ kind, actorId, origin, facts }) => ({ kind, actorId, origin, facts }))
}

async function openSession({ id }: User): Promise<Uuid> {
  const sessionId = nextId()
  await owner.query(
    `insert into session (id, user_id, expires_at) values ($1, $2, bank_now() + interval '1 hour')`,
    [sessionId, id],
  )
  return sessionId
}

async function liveSessions({ id }: User): Promise<Uuid[]> {
  const text = 'select id from session where user_id = $1 and ended_at is null order by id'
  return (await owner.query<{ id: Uuid }>(text, [id])).rows.map((row) => row.id)
}

describe('roles', () => {
  it('are given and taken as a set, with a row for each change and none without', async () => {
    const user = await insert()
    const by = act()
    const grant = { kind: 'grant_role', role: 'teller' } as const
    const granted = await admin.change({ id: user.id }, grant, by)
    expect(granted).toEqual({
      kind: 'changed',
      user: { ...user, roles: ['customer', 'teller'] },
      isNew: true,
    })
    expect(await admin.change({ id: user.id }, grant, by)).toMatchObject({ isNew: false })
    await admin.change({ id: user.id }, { kind: 'grant_role', role: 'auditor' }, by)
    const revoke = { kind: 'revoke_role', role: 'teller' } as const
    const revoked = await admin.change({ username: user.username }, revoke, by)
    expect(revoked).toMatchObject({ isNew: true, user: { roles: ['customer', 'auditor'] } })
    expect(await admin.change({ id: user.id }, revoke, by)).toMatchObject({ isNew: false })
    expect(await users.find(user.id)).toMatchObject({ roles: ['customer', 'auditor'] })

    const common = { actorId: by.actorId, origin: 'api' }
    expect(await eventsOf(user)).toEqual([
      { ...common, kind: 'user.role_revoked', facts: { role: 'teller' } },
      { ...common, kind: 'user.role_granted', facts: { role: 'auditor' } },
      { ...common, kind: 'user.role_granted', facts: { role: 'teller' } },
    ])
  })

  it('of a user that there is not are refused', async () => {
    const refused = { kind: 'refused', code: 'user_not_found' }
    expect(await admin.change({ id: nextId() }, { kind: 'disable' }, act())).toEqual(refused)
    const nobody = { username: 'nobody' }
    const grant = { kind: 'grant_role', role: 'admin' } as const
    expect(await admin.change(nobody, grant, act())).toEqual(refused)
    expect(await admin.endSessions(nextId(), act())).toBe(false)
  })
})

describe('disabling', () => {
  it('ends the sessions of the user and of nobody else, and enabling gives none back', async () => {
    const [user, other] = [await insert(), await insert()]
    await openSession(user)
    const untouched = await openSession(other)
    const by = act()
    expect(await admin.change({ id: user.id }, { kind: 'disable' }, by)).toMatchObject({
      user: { status: 'disabled' },
    })
    expect(await liveSessions(user)).toEqual([])
    expect(await liveSessions(other)).toEqual([untouched])
    await admin.change({ id: user.id }, { kind: 'disable' }, by)
    const enabled = await admin.change({ id: user.id }, { kind: 'enable' }, by)
    expect(enabled).toMatchObject({ isNew: true, user: { status: 'active' } })
    expect(await liveSessions(user)).toEqual([])
    const kinds = (await eventsOf(user)).map(({ kind }) => kind)
    expect(kinds).toEqual(['user.enabled', 'user.disabled'])
  })
})

describe('ending sessions', () => {
  it('ends all of a user, with one row that counts them', async () => {
    const user = await insert()
    await openSession(user)
    await openSession(user)
    expect(await admin.endSessions(user.id, act())).toBe(true)
    expect(await liveSessions(user)).toEqual([])
    expect(await eventsOf(user)).toMatchObject([
      { kind: 'user.sessions_ended', facts: { reason: 'ended_by_admin', count: 2 } },
    ])
  })
})

describe('the last admin', () => {
  const revokeAdmin = { kind: 'revoke_role', role: 'admin' } as const
  const refused = { kind: 'refused', code: 'last_admin' }

  it('can be neither disabled nor lose the role, and nothing is recorded', async () => {
    const last = await insert('admin', 'teller')
    for (const change of [revokeAdmin, { kind: 'disable' } as const]) {
      expect(await admin.change({ id: last.id }, change, act(last.id))).toEqual(refused)
    }
    expect(await users.find(last.id)).toEqual(last)
    expect(await eventsOf(last)).toMatchObject([{ kind: 'user.created' }])
    const revokeTeller = { kind: 'revoke_role', role: 'teller' } as const
    expect(await admin.change({ id: last.id }, revokeTeller, act())).toMatchObject({ isNew: true })
  })

  it('is last also where the other admins are disabled', async () => {
    const [last, disabled] = [await insert('admin'), await insert('admin')]
    await admin.change({ id: disabled.id }, { kind: 'disable' }, act())
    expect(await admin.change({ id: last.id }, { kind: 'disable' }, act())).toEqual(refused)
    // A disabled one loses the role, since that takes no active admin away.
    expect(await admin.change({ id: disabled.id }, revokeAdmin, act())).toMatchObject({
      isNew: true,
    })
  })

  it('is left when all are removed at once, from two servers', async () => {
    for (let round = 0; round < 10; round += 1) {
      await owner.query(`delete from app_user`)
      const admins = await Promise.all(Array.from({ length: 4 }, () => insert('admin')))
      const outcomes = await Promise.all(
        admins.map(({ id }, index) =>
          (index % 2 === 0 ? admin : otherAdmin).change(
            { id },
            index < 2 ? revokeAdmin : { kind: 'disable' },
            act(),
          ),
        ),
      )
      expect(outcomes.filter(({ kind }) => kind === 'refused')).toEqual([refused])
      const left = await Promise.all(admins.map(({ id }) => users.find(id)))
      const isAdmin = (user: (typeof left)[number]) =>
        user?.status === 'active' && user.roles.includes('admin')
      expect(left.filter(isAdmin)).toHaveLength(1)
    }
  })
})
