import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts'
import { queryOnce } from '../../../test/support/query.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { createUuidSource, type Uuid } from '../kernel/ids.ts'
import { auditLedger } from '../ledger/ledger.ts'
import { createPostgresLedger } from '../ledger/postgres/postgres-ledger.ts'
import type { AuditEvent } from './event.ts'
import { createAuditEventStore, recordAuditEvent, type AuditEventStore } from './store.ts'

const newId = createUuidSource()
let testDatabase: TestDatabase
let database: Database
let store: AuditEventStore

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { url } = testDatabase
  const options = { url, poolSize: 2, applicationName: 'test', namedStatements: true }
  database = createDatabase(options)
  store = createAuditEventStore(database)
})

afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

function roleGranted(actorId: Uuid, changes: Partial<AuditEvent> = {}): AuditEvent {
  const subject = { prefix: 'user', id: newId() } as const
  const facts = { role: 'teller' }
  return { kind: 'user.role_granted', actorId, subject, facts, requestId: 'req_1', ...changes }
}

const record = (event: AuditEvent) => database.transaction((tx) => recordAuditEvent(tx, event))
const kindsOf = async (actorId: Uuid) =>
  (await store.list({ actorId, limit: 100 })).map(({ kind }) => kind)

describe('recording', () => {
  it('keeps an event whole', async () => {
    const event = roleGranted(newId(), { origin: 'command' })
    await record(event)
    const [stored] = await store.list({ actorId: event.actorId ?? newId(), limit: 2 })
    expect(stored).toEqual({
      ...event,
      id: expect.any(String),
      count: 1,
      createdAt: expect.any(Date),
    })
  })

  it('leaves nothing of an event whose cause was undone', async () => {
    const actorId = newId()
    const undone = database.transaction(async (tx) => {
      await recordAuditEvent(tx, roleGranted(actorId))
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await kindsOf(actorId)).toEqual([])
  })

  it('writes a list with its counts, and an empty one', async () => {
    const actorId = newId()
    const event = { kind: 'access.refused', actorId, subject: null, requestId: null } as const
    await store.insert([])
    await store.insert([
      { ...event, facts: { code: 'role_required' }, count: 1 },
      { ...event, count: 1234 },
    ])
    const stored = await store.list({ actorId, limit: 10 })
    expect(stored.map(({ count, facts, subject }) => ({ count, facts, subject }))).toEqual([
      { count: 1234, facts: {}, subject: null },
      { count: 1, facts: { code: 'role_required' }, subject: null },
    ])
  })
})

describe('reading', () => {
  it('pages newest first and filters by kind, actor, subject and time', async () => {
    const [actorId, other] = [newId(), newId()]
    const subject = { prefix: 'user', id: newId() } as const
    await record(roleGranted(actorId, { subject }))
    await record(roleGranted(actorId, { kind: 'user.disabled' }))
    await record(roleGranted(other, { subject }))
    const all = await store.list({ actorId, limit: 10 })
    expect(all.map(({ kind }) => kind)).toEqual(['user.disabled', 'user.role_granted'])
    const [newest, oldest] = all
    if (!newest || !oldest) throw new Error('two events are there')
    expect(await store.list({ actorId, before: newest.id, limit: 10 })).toEqual([oldest])
    expect(await store.list({ actorId, limit: 1 })).toEqual([newest])
    expect(await store.list({ actorId, kind: 'user.disabled', limit: 10 })).toEqual([newest])
    expect(await store.list({ subject, actorId, limit: 10 })).toEqual([oldest])
    expect(await store.list({ subject, limit: 10 })).toHaveLength(2)
    const asAccount = { prefix: 'acct', id: subject.id } as const
    expect(await store.list({ subject: asAccount, limit: 10 })).toEqual([])

    const at = newest.createdAt
    const later = new Date(at.getTime() + 1)
    expect(await store.list({ actorId, from: later, limit: 10 })).toEqual([])
    expect(await store.list({ actorId, to: later, limit: 10 })).toEqual(all)
    expect(await store.list({ actorId, to: oldest.createdAt, limit: 10 })).toEqual([])
    expect(await store.list({ actorId, from: oldest.createdAt, limit: 10 })).toEqual(all)
    const [first, last] = [new Date(-62_167_219_200_000), new Date(253_402_300_799_999)]
    expect(await store.list({ actorId, from: first, to: last, limit: 10 })).toEqual(all)
  })
})

describe('what the ledger does on the say-so of staff', () => {
  it('is recorded with it, once, and the bank stays right', async () => {
    const { url, ownerUrl } = testDatabase
    const ledger = createPostgresLedger({
      url,
      namedStatements: true,
      transferAmountMax: 1_000_000,
    })
    const [ownerId, principalId] = [newId(), newId()]
    const outcome = await ledger.openAccount({
      ownerId,
      currency: 'EUR',
      name: null,
      accountsMax: 1,
      requestId: 'req_open',
      idempotencyKey: null,
    })
    if (outcome.kind !== 'opened') throw new Error('not opened')
    const accountId = outcome.account.id
    const act = { principalId, requestId: 'req_act' }
    const staff = { ...act, authority: 'staff', accountId } as const
    const change = (kind: 'freeze' | 'unfreeze') =>
      ledger.changeAccount({ ...staff, change: { kind } })
    await change('freeze')
    await change('freeze')
    await change('unfreeze')
    const limit = { kind: 'set_overdraft_limit', overdraftLimit: 500 } as const
    await ledger.changeAccount({ ...staff, change: limit })
    const own = { ...staff, principalId: ownerId, change: limit }
    expect(await ledger.changeAccount(own)).toMatchObject({ refusal: { code: 'own_account' } })
    const first = await ledger.openBankAccount('fees', 'EUR', undefined, act)
    await ledger.openBankAccount('fees', 'EUR', undefined, act)
    await ledger.stop()

    const events = await store.list({ actorId: principalId, limit: 10 })
    const subject = { prefix: 'acct', id: accountId }
    const common = { actorId: principalId, origin: 'api', requestId: 'req_act', count: 1, subject }
    expect(events).toMatchObject([
      { ...common, kind: 'bank_account.opened', subject: { id: first.account.accountId } },
      { ...common, kind: 'account.overdraft_set', facts: { overdraft_limit: 500 } },
      { ...common, kind: 'account.unfrozen', facts: {} },
      { ...common, kind: 'account.frozen', facts: {} },
    ])
    expect(await kindsOf(ownerId)).toEqual([])
    expect((await auditLedger({ url: ownerUrl })).findings).toEqual([])
  })
})

it('a page of the trail goes by an index, whatever it is filtered by', async () => {
  const { superuserUrl } = testDatabase
  await queryOnce(
    superuserUrl,
    `insert into audit_event (id, kind, actor_id, origin, created_at)
      select ('01900000-' || lpad(to_hex(n / 65536), 4, '0') || '-7000-8000-' ||
          lpad(to_hex(n), 12, '0'))::uuid,
        case n % 1000 when 0 then 'user.disabled' else 'session.opened' end,
        '01900000-0000-7000-8000-000000000001', 'api', '2024-06-10T00:00:00Z'
      from generate_series(1, 20000) n;
    analyze audit_event`,
  )
  for (const filter of [
    `true`,
    `kind = 'user.disabled'`,
    `actor_id = '01900000-0000-7000-8000-000000000001'`,
    `subject_id = '01900000-0000-7000-8000-000000000001'`,
  ]) {
    const plan = await queryOnce<{ 'QUERY PLAN': string }>(
      superuserUrl,
      `explain select * from audit_event where ${filter} order by id desc limit 20`,
    )
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toMatch(/Index Scan Backward using audit_event_/)
    expect(text).not.toMatch(/Seq Scan/)
  }
})
