import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Database } from '../../database/database.ts'
import { Fault } from '../../kernel/fault.ts'
import { groupOf } from '../conformance/groups.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import { createSealer } from '../postgres/sealer.ts'
import { createPostgresHarness, type PostgresHarness } from '../postgres/testing.ts'
import { auditLedger, auditPasses, auditSnapshot, type AuditProgress } from './audit.ts'
import { sampleSize } from './check.ts'
import { corruptions } from './corruptions.ts'
import { trialBalance } from './trial-balance.ts'

let harness: PostgresHarness
let database: Database
let client: Client

// The accounts of the story, by name; each statement of a corruption may use them.
const accounts = new Map<string, string>()

beforeAll(async () => {
  harness = await createPostgresHarness({ batchSizeMax: 8 })
  const { url, superuserUrl } = harness.database
  database = createDatabase({ url, poolSize: 2, applicationName: 'test', namedStatements: true })
  client = new Client({ connectionString: superuserUrl })
  await client.connect()
  await playStory()
})

afterAll(async () => {
  await client.end()
  await database.close()
  await harness.close()
})

/**
 * Three customers, two currencies, deposits, a withdrawal with a fee account, words, refusals, holds in
 * every state but expired, a daily limit, a reversal in two parts, a group.
 */
async function playStory(): Promise<void> {
  const world = createWorld(harness)
  const [ada, ben] = [await world.customer(1000), await world.customer(1000)]
  const won = await world.open(world.newId(), 'KRW')
  await world.mustPost(world.deposit(won, 5000, { currency: 'KRW' }))
  await world.mustPost(world.withdrawal(ada, 30, { credit: { bankCode: 'fees' } }))
  await world.ledger.postGroup(
    groupOf(world, [
      [ada, ben, 1],
      [ada, ben, 2],
      [ada, ben, 1],
    ]),
  )
  const words = { description: 'Tea', metadata: { a: 'b' } }
  await world.postAll(
    Array.from({ length: 40 }, (_, index) =>
      index % 2 ? world.transfer(ada, ben, 3, words) : world.transfer(ben, ada, 5),
    ),
  )
  await playHolds(world, ada, ben)
  const cleo = await world.customer(1000)
  await playLimits(world, cleo, ben)
  const original = await world.mustPost(world.transfer(ada, ben, 30))
  for (const amount of [20, 10]) await world.mustPost(world.reversal(ben, original, { amount }))
  const refused = await world.ledger.post(world.transfer(ada, ben, 100_000))
  expect(refused.kind).toBe('refused')
  const opening = { ownerId: world.newId(), currency: 'EUR', name: null, accountsMax: 1 }
  const idempotencyKey = world.newKey()
  await world.ledger.openAccount({ ...opening, requestId: 'request-open', idempotencyKey })
  const sealer = createSealer({ database, onError: () => expect.unreachable() })
  expect(await sealer.seal()).toBeGreaterThan(5)
  // Two batches that have no position yet.
  await world.mustPost(world.transfer(ada, ben, 1))
  await world.mustPost(world.transfer(ada, ben, 1))
  for (const [name, { accountId }] of Object.entries({ ada, ben, cleo, won })) {
    accounts.set(name, accountId)
  }
  for (const [name, code, currency] of [
    ['cash', 'cash', 'EUR'],
    ['cash_won', 'cash', 'KRW'],
    ['fees', 'fees', 'EUR'],
  ] as const) {
    const { account } = await world.ledger.openBankAccount(code, currency)
    accounts.set(name, account.accountId)
  }
}

/** What counts, what is taken off again, and what does not count. */
async function playLimits(world: World, cleo: Customer, ben: Customer): Promise<void> {
  await world.mustPost(world.transfer(cleo, ben, 10))
  await world.setLimits(cleo, { dailyLimit: 100 })
  await world.mustPost(world.transfer(cleo, ben, 20))
  const released = await world.mustHold(world.hold(cleo, ben, 30))
  await world.mustHold(world.release(cleo, released))
  await world.mustPost(world.withdrawal(cleo, 40))
}

async function playHolds(world: World, ada: Customer, ben: Customer): Promise<void> {
  await world.mustHold(world.hold(ada, ben, 40))
  await world.mustHold(world.hold(ada, ben, 7))
  const captured = await world.mustHold(world.hold(ada, ben, 25))
  await world.mustPost(world.capture(ada, captured, { amount: 15 }))
  const released = await world.mustHold(world.hold(ben, ada, 60))
  await world.mustHold(world.release(ben, released))
}

/** Makes a change that no server could make, audits, and takes it back. */
async function auditCorrupted(sql: string) {
  const text = sql.replaceAll(/(?<!:):([a-z_]+)\b/g, (_, name: string) => {
    const id = accounts.get(name)
    if (id === undefined) throw new Error(`no account ${name}`)
    return `'${id}'`
  })
  await client.query('begin')
  try {
    // Triggers do not fire for a replica; CHECKs and unique indexes still hold.
    await client.query('set local session_replication_role = replica')
    await client.query(text)
    return await auditSnapshot(client)
  } finally {
    await client.query('rollback')
  }
}

describe('the auditor', () => {
  it('is silent on a ledger as the engine left it, and says how much it has seen', async () => {
    const steps: AuditProgress[] = []
    const { url } = harness.database
    const report = await auditLedger({ url, onProgress: (step) => steps.push(step) })
    expect(report.findings).toEqual([])
    expect(report).toMatchObject({ accountCount: 8, transferCount: 57 })
    expect(steps.map(({ number }) => number)).toEqual(auditPasses.map((_, index) => index + 1))
    expect(report.checkCount).toBe(new Set(corruptions.map(([check]) => check)).size)
  })

  it('has a corruption for each of its checks', () => {
    const checks = auditPasses.flatMap((pass) => Object.keys(pass.checks))
    expect(new Set(checks).size).toBe(checks.length)
    expect([...new Set(corruptions.map(([check]) => check))].toSorted()).toEqual(checks.toSorted())
  })

  it.each(corruptions)(
    'finds %s broken, and nothing else (%#)',
    async (check, sql, alsoFound = []) => {
      const { findings } = await auditCorrupted(sql)
      const found = findings.map((finding) => finding.check)
      expect(found.toSorted()).toEqual([check, ...alsoFound].toSorted())
      expect(findings[0]?.guarantee).toBeTruthy()
      expect(findings[0]?.rows.length).toBe(Math.min(findings[0]?.count ?? 0, sampleSize))
    },
  )

  it('counts all that is broken and shows a sample', async () => {
    const { findings } = await auditCorrupted(
      `update transfer set credit_balance_after = credit_balance_after + batch_index + 1
       where kind = 'transfer'`,
    )
    expect(findings.map(({ check }) => check)).toEqual(['entry_balance'])
    expect(findings[0]?.count).toBeGreaterThan(sampleSize)
    expect(findings[0]?.rows).toHaveLength(sampleSize)
  })

  it('throws a fault when there is no database', async () => {
    const url = 'postgresql://nobody@127.0.0.1:1/nothing'
    await expect(auditLedger({ url })).rejects.toBeInstanceOf(Fault)
  })
})

describe('the trial balance', () => {
  it('has two equal columns per currency, the bank by code and all customers together, and what is held', async () => {
    await holdOfAda(70)
    const [euro, won] = await trialBalance(client)
    expect(euro).toEqual({
      currency: 'EUR',
      lines: [
        { code: 'cash', accountCount: 1, debit: 2960n, credit: 0n, held: 0n },
        { code: 'fees', accountCount: 1, debit: 0n, credit: 30n, held: 0n },
        { code: null, accountCount: 4, debit: 0n, credit: 2930n, held: 117n },
      ],
      debit: 2960n,
      credit: 2960n,
      held: 117n,
    })
    expect(won).toMatchObject({ currency: 'KRW', debit: 5000n, credit: 5000n })
  })
})

async function holdOfAda(amount: number): Promise<void> {
  const [debit, credit] = [accounts.get('ada') ?? '', accounts.get('ben') ?? '']
  const { rows } = await client.query<{ owner_id: string }>(
    'select owner_id from account where id = $1',
    [debit],
  )
  const outcome = await harness.ledger.hold({
    kind: 'hold',
    principalId: rows[0]?.owner_id ?? '',
    authority: 'owner',
    idempotencyKey: { key: 'hold of ada', index: 0 },
    requestId: 'request-hold',
    debit: { accountId: debit },
    credit: { accountId: credit },
    amount,
    currency: 'EUR',
    expiresInSeconds: 600,
  })
  expect(outcome.kind).toBe('held')
}
