import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Database } from '../../database/database.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import { createSealer, type Sealer } from '../postgres/sealer.ts'
import { createPostgresHarness, type PostgresHarness } from '../postgres/testing.ts'
import { auditLedger } from './audit.ts'
import type { AuditFinding } from './finding.ts'
import { recentChecks } from './recent-checks.ts'
import { acceptVerdict, createScheduledAudit, type ScheduledAudit } from './scheduled-audit.ts'

let harness: PostgresHarness
let database: Database
let superuser: Client
let world: World
let sealer: Sealer
let ada: Customer
let ben: Customer
let found: AuditFinding[]

beforeEach(async () => {
  harness = await createPostgresHarness({ batchSizeMax: 8 })
  const { url, superuserUrl } = harness.database
  database = createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
  superuser = new Client({ connectionString: superuserUrl })
  await superuser.connect()
  world = createWorld(harness)
  sealer = createSealer({ database, onError: () => expect.unreachable() })
  ;[ada, ben] = [await world.customer(1000), await world.customer(1000)]
  found = []
})

afterEach(async () => {
  await superuser.end()
  await database.close()
  await harness.close()
})

function createAudit(): ScheduledAudit {
  return createScheduledAudit({
    database,
    intervalMilliseconds: 60_000,
    onFindings: (findings) => void found.push(...findings),
    onState: () => {},
    onError: () => expect.unreachable(),
  })
}

/**
 * A daily limit, a hold that stays, one that is released, a capture, a reversal, and forty transfers
 * in batches of a few, sealed.
 */
async function post(): Promise<void> {
  await world.setLimits(ada, { dailyLimit: 100_000 })
  await world.mustHold(world.release(ada, await world.mustHold(world.hold(ada, ben, 9))))
  await world.mustHold(world.hold(ada, ben, 5))
  const hold = await world.mustHold(world.hold(ada, ben, 20))
  await world.mustPost(world.capture(ada, hold, { amount: 15 }))
  const original = await world.mustPost(world.transfer(ada, ben, 30))
  await world.mustPost(world.reversal(ben, original))
  await world.postAll(
    Array.from({ length: 40 }, (_, index) =>
      index % 2 ? world.transfer(ada, ben, 3) : world.transfer(ben, ada, 5),
    ),
  )
  await sealer.seal()
}

async function corrupt(sql: string): Promise<void> {
  const text = sql.replaceAll(':ada', `'${ada.accountId}'`).replaceAll(':ben', `'${ben.accountId}'`)
  // Triggers do not fire for a replica; CHECKs and unique indexes still hold.
  await superuser.query(`begin; set local session_replication_role = replica; ${text}; commit`)
}

const last = `(select id from transfer where kind = 'transfer' order by batch_id desc,
  batch_index desc limit 1)`
const wide = `(select id from batch where transfer_count > 2 order by id desc limit 1)`

const corruptions: readonly [checks: string[], sql: string][] = [
  [
    ['account_balance', 'account_sum'],
    `update account set ledger_balance = ledger_balance + 1 where id = :ada`,
  ],
  [
    ['account_count', 'account_version'],
    `update account set version = version + 1 where id = :ada`,
  ],
  [
    ['account_count', 'account_version'],
    `update account set version = version - 1 where id = :ada`,
  ],
  [
    ['account_booked_at'],
    `update account set booked_at = booked_at + interval '1 s' where id = :ada`,
  ],
  [
    ['account_balance', 'entry_balance'],
    `update transfer set debit_balance_after = debit_balance_after + 1 where id = ${last}`,
  ],
  [
    ['account_version', 'entry_seq'],
    `update transfer set debit_seq = debit_seq + 1 where id = ${last}`,
  ],
  [
    ['account_booked_at', 'entry_time'],
    `update transfer set created_at = created_at - interval '1 day' where id = ${last}`,
  ],
  [['transfer_currency'], `update transfer set currency = 'USD' where id = ${last}`],
  [
    ['transfer_accounts'],
    `delete from account_detail where account_id = :ada; delete from account where id = :ada`,
  ],
  [
    ['account_sum', 'entry_balance', 'transfer_amount'],
    `alter table transfer drop constraint transfer_amount_check;
     update transfer set amount = 0 where id = ${last}`,
  ],
  [['batch_count'], `update batch set transfer_count = transfer_count + 1 where id = ${wide}`],
  [['batch_index'], `update transfer set batch_index = batch_index + 1 where batch_id = ${wide}`],
  [
    ['feed_order'],
    `update batch set position = position + 1000 where position = 1;
     update audit_progress set position = 1`,
  ],
  [['position'], `update batch set position = position + 1 where id = ${wide}`],
  [['account_held'], `update account set held = held + 1 where id = :ada`],
  [['account_spent'], `update account set spent = spent + 1 where id = :ada`],
  [
    ['account_spent'],
    `update account set spent_since = spent_since - interval '1 day',
     spent = 0 where id = :ada`,
  ],
  [['account_held'], `update hold set amount = amount + 1 where state = 'active'`],
  [['link_transfer'], `delete from transfer_link`],
  [['hold_capture'], `update hold set captured = captured - 1 where state = 'captured'`],
  [['hold_capture'], `update hold set transfer_id = gen_random_uuid() where state = 'captured'`],
  [
    ['reversal_original'],
    `update transfer_link set reverses_id = gen_random_uuid() where reverses_id is not null`,
  ],
  [
    ['reversal_sum'],
    `update transfer_link set reverses_id = (select id from transfer where kind = 'transfer'
       and debit_account_id = :ada order by amount limit 1) where reverses_id is not null`,
  ],
]

describe('the scheduled audit', () => {
  it('is silent on a ledger as the engine left it, and knows how far it has come', async () => {
    const audit = createAudit()
    await post()
    await world.mustPost(world.transfer(ada, ben, 1))
    const state = await audit.run()
    expect(found).toEqual([])
    expect(state).toEqual({ completedAt: expect.any(Date), findingCount: 0, batchesBehind: 0 })
    await post()
    expect(await audit.run()).toMatchObject({ findingCount: 0, batchesBehind: 0 })
    expect(found).toEqual([])
    await harness.audit()
  })

  it.each(corruptions)('finds %j broken in what is new', async (checks, sql) => {
    await post()
    await corrupt(sql)
    const state = await createAudit().run()
    const names = new Set(found.map(({ check }) => check))
    for (const check of checks) expect(names).toContain(check)
    expect(state.findingCount).toBe(found.reduce((sum, { count }) => sum + count, 0))
  })

  it('has a corruption for each of its checks', () => {
    const checks = new Set(corruptions.flatMap(([names]) => names))
    expect([...checks].toSorted()).toEqual(Object.keys(recentChecks).toSorted())
  })

  it('holds the first entries of a chunk against those of the chunk before', async () => {
    await post()
    const audit = createAudit()
    await audit.run()
    await corrupt(`update account set ledger_balance = ledger_balance + 1 where id = :ada`)
    await world.mustPost(world.transfer(ada, ben, 1))
    await sealer.seal()
    await audit.run()
    expect(found.map(({ check }) => check)).toContain('entry_balance')
  })

  it('finds a change of an old entry when its account is touched again', async () => {
    await post()
    const audit = createAudit()
    await audit.run()
    await corrupt(`update transfer set amount = amount + 1 where debit_account_id = :ada and debit_seq =
      (select min(debit_seq) from transfer where debit_account_id = :ada)`)
    expect(await audit.run()).toMatchObject({ findingCount: 0 })
    await world.mustPost(world.transfer(ada, ben, 1))
    await sealer.seal()
    await audit.run()
    expect(found.map(({ check }) => check)).toEqual(['account_sum'])
  })

  it('counts a finding once, and keeps it until a whole audit is silent', async () => {
    await post()
    await corrupt(`update account set ledger_balance = ledger_balance + 1 where id = :ada`)
    const { findingCount } = await createAudit().run()
    expect(findingCount).toBeGreaterThan(0)
    // Another server, later.
    expect(await createAudit().run()).toMatchObject({ findingCount })
    const { url } = harness.database
    expect((await auditLedger({ url })).findings).not.toEqual([])

    await corrupt(`update account set ledger_balance = ledger_balance - 1 where id = :ada`)
    const { findings, at } = await auditLedger({ url })
    expect(findings).toEqual([])
    expect(await acceptVerdict(url, at)).toBe(true)
    expect(await acceptVerdict(url, at)).toBe(false)
    expect(await createAudit().run()).toMatchObject({ findingCount: 0 })
  })

  it('of two servers one audits, and both know the verdict', async () => {
    await post()
    await superuser.query('begin; select from audit_progress for update')
    const kept = await createAudit().run()
    expect(kept.completedAt).toBeUndefined()
    expect(kept.batchesBehind).toBeGreaterThan(0)
    await superuser.query('rollback')
    const states = await Promise.all([createAudit().run(), createAudit().run()])
    expect(states.some(({ batchesBehind }) => batchesBehind === 0)).toBe(true)
    expect(await createAudit().run()).toMatchObject({ findingCount: 0, batchesBehind: 0 })
  })
})
