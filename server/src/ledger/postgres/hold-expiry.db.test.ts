import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDatabase, type Database } from '../../database/database.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { Hold, LedgerEngine } from '../engine.ts'
import { createHoldExpiry, overdueHolds, type HoldExpiryOptions } from './hold-expiry.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

let harness: PostgresHarness
let database: Database
let world: World
let from: Customer
let to: Customer

beforeEach(async () => {
  harness = await createPostgresHarness()
  const { url } = harness.database
  database = createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
  world = createWorld(harness)
  from = await world.customer(1000)
  to = await world.customer()
})

afterEach(async () => {
  await harness.audit()
  await database.close()
  await harness.close()
})

function create(options: Partial<HoldExpiryOptions> = {}) {
  return createHoldExpiry({
    database,
    ledger: harness.ledger,
    intervalMilliseconds: 5,
    onLook: () => undefined,
    onExpired: () => undefined,
    onError: (error) => expect.unreachable(String(error)),
    ...options,
  })
}

const place = (customer: Customer, amount: number) =>
  world.mustHold(world.hold(customer, to, amount))

async function overdueHold(customer: Customer, amount: number): Promise<Hold> {
  const hold = await place(customer, amount)
  await harness.makeOverdue(hold.id)
  return hold
}

const heldOn = async ({ accountId }: Customer) => (await harness.ledger.account(accountId))?.held
const stateOf = async ({ id }: Hold) => (await harness.hold(id))?.state

describe('the expiry of holds', () => {
  it('expires what is past its end, gives it back, and leaves alone what is not', async () => {
    const kept = await place(from, 1)
    const over = await overdueHold(from, 20)
    expect(await heldOn(from)).toBe(21)
    const told: unknown[] = []
    const expiry = create({
      onLook: (seconds) => told.push(seconds),
      onExpired: (holdCount) => told.push(`${holdCount} expired`),
    })
    expect(await expiry.run()).toBe(1)
    expect([await stateOf(kept), await stateOf(over)]).toEqual(['active', 'expired'])
    expect(await heldOn(from)).toBe(1)
    expect(await expiry.run()).toBe(0)
    expect(told).toEqual([expect.any(Number), '1 expired', 0])
  })

  it('goes on page by page, over all accounts', async () => {
    const customers = [from, await world.customer(1000), await world.customer(1000)]
    const holds: Hold[] = []
    for (const customer of customers) {
      for (const amount of [1, 2, 3]) holds.push(await place(customer, amount))
    }
    // Placing one expires what is overdue on its account, so all are there first.
    for (const { id } of holds) await harness.makeOverdue(id)
    await create({ pageSize: 2 }).run()
    expect(await Promise.all(holds.map(stateOf))).toEqual(holds.map(() => 'expired'))
    expect(await Promise.all(customers.map(heldOn))).toEqual([0, 0, 0])
  })

  it('does no harm when two do it at once, while somebody spends', async () => {
    const holds = await Promise.all(Array.from({ length: 20 }, () => place(from, 50)))
    for (const { id } of holds) await harness.makeOverdue(id)
    const spend = world.postAll([world.transfer(from, to, 600), world.transfer(from, to, 400)])
    await Promise.all([create().run(), create({ pageSize: 3 }).run()])
    expect((await spend).map(({ kind }) => kind)).toEqual(['posted', 'posted'])
    expect(await Promise.all(holds.map(stateOf))).toEqual(holds.map(() => 'expired'))
    expect(await heldOn(from)).toBe(0)
  })

  it('does it again and again by itself, until it is stopped', async () => {
    const first = await overdueHold(from, 1)
    const expiry = create()
    expiry.start()
    expiry.start()
    await vi.waitFor(async () => expect(await stateOf(first)).toBe('expired'), 10_000)
    const second = await place(from, 2)
    await harness.makeOverdue(second.id)
    await vi.waitFor(async () => expect(await stateOf(second)).toBe('expired'), 10_000)
    await expiry.stop()
    const third = await overdueHold(from, 3)
    expect(await stateOf(third)).toBe('active')
  })

  it('tells of a failure and of what is still overdue, and goes on', async () => {
    const hold = await overdueHold(from, 1)
    const errors: unknown[] = []
    const expireHolds = vi
      .fn<LedgerEngine['expireHolds']>((ids) => harness.ledger.expireHolds(ids))
      .mockRejectedValueOnce(new Error('not now'))
    const onError = (error: unknown) => errors.push(error)
    const looks: number[] = []
    const onLook = (seconds: number) => looks.push(seconds)
    const expiry = create({ ledger: { expireHolds }, onError, onLook })
    expiry.start()
    await vi.waitFor(async () => expect(await stateOf(hold)).toBe('expired'), 10_000)
    await expiry.stop()
    expect(errors).toEqual([new Error('not now')])
    expect(looks[1]).toBeGreaterThan(looks[0] ?? Infinity)
  })

  it('looks along the index of what is active', async () => {
    await world.harness.audit()
    await harness.pool.query(
      `insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
          expires_at, created_at, state, resolved_at)
        select gen_random_uuid(), $1, gen_random_uuid(), gen_random_uuid(), 1, 'EUR',
          bank_now() - interval '1 hour', bank_now() - interval '2 hours', 'released', bank_now()
        from generate_series(1, 20000)`,
      [world.newId()],
    )
    await harness.pool.query('vacuum analyze hold')
    const { rows } = await harness.pool.query<{ 'QUERY PLAN': string }>(
      `explain ${overdueHolds.text.replace('$1', '250')}`,
    )
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('hold_expiry')
    await harness.pool.query(`alter table hold disable trigger all; delete from hold;
      alter table hold enable trigger all`)
  })
})
