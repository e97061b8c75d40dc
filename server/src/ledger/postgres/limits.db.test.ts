/** Daily limits on a clock that can be set: a day that ends between two bookings, and two servers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

const timeZone = 'Europe/Berlin'
/** A minute before midnight in Berlin. */
const evening = '2026-03-28T22:59:00Z'

let harness: PostgresHarness
let other: PostgresHarness
let world: World
let elsewhere: World
let from: Customer
let to: Customer

beforeAll(async () => {
  harness = await createPostgresHarness({ timeZone })
  other = await createPostgresHarness({ timeZone }, harness)
  world = createWorld(harness)
  elsewhere = createWorld(other)
  await harness.pool.query(`
    create table test_clock (now timestamptz);
    grant select on test_clock to public;
    insert into test_clock values ('${evening}');
    create or replace function bank_now() returns timestamptz language sql volatile
      as 'select now from test_clock'`)
})

afterAll(async () => {
  await other.close()
  await harness.audit()
  await harness.close()
})

beforeEach(async () => {
  await setClock(evening)
  ;[from, to] = [await world.customer(1000), await world.customer()]
})

async function setClock(moment: string): Promise<void> {
  await harness.pool.query('update test_clock set now = $1', [moment])
}

async function leftOf({ accountId }: Customer): Promise<number | null | undefined> {
  const payer = { ...from, accountId, party: { accountId } }
  const tried = await world.ledger.post(world.transfer(payer, to, 1), { dryRun: true })
  if (tried.kind === 'refused') return tried.refusal.code === 'daily_limit_exceeded' ? 0 : undefined
  const left = tried.preview?.limits.dailyRemaining
  return typeof left === 'number' ? left + 1 : left
}

describe('a day that ends', () => {
  it('between two bookings is over, and the next one begins with nothing spent', async () => {
    await world.setLimits(from, { dailyLimit: 100 })
    await world.mustPost(world.transfer(from, to, 100))
    expect(await leftOf(from)).toBe(0)
    await setClock('2026-03-28T23:00:00Z')
    expect(await leftOf(from)).toBe(100)
    await world.mustPost(world.transfer(from, to, 60))
    // That day has 23 hours.
    await setClock('2026-03-29T21:59:59.999Z')
    expect(await leftOf(from)).toBe(40)
    await setClock('2026-03-29T22:00:00Z')
    expect(await leftOf(from)).toBe(100)
    await harness.audit()
  })

  it('keeps what was held on it, whenever that is given back', async () => {
    await world.setLimits(from, { dailyLimit: 100 })
    const hold = await world.mustHold(world.hold(from, to, 70, { expiresInSeconds: 60 }))
    // Overdue from midnight on: what expires then was of the day before.
    await setClock('2026-03-28T23:00:00Z')
    expect(await leftOf(from)).toBe(100)
    await world.mustPost(world.transfer(from, to, 30))
    expect(await harness.hold(hold.id)).toMatchObject({ state: 'expired' })
    expect(await leftOf(from)).toBe(70)
    await harness.audit()
  })

  it('is not begun again when the clock steps back over midnight', async () => {
    await setClock('2026-03-28T23:00:30Z')
    await world.setLimits(from, { dailyLimit: 100 })
    await world.mustHold(world.hold(from, to, 80))
    await setClock(evening)
    expect(await leftOf(from)).toBe(20)
    const { createdAt } = await world.mustPost(world.transfer(from, to, 20))
    expect(createdAt.toISOString()).toBe('2026-03-28T23:00:00.000Z')
    expect(await leftOf(from)).toBe(0)
    await harness.audit()
  })
})

describe('a limit that is set', () => {
  it('in the middle of a day counts the day and not the one before', async () => {
    await world.mustPost(world.transfer(from, to, 500))
    await world.mustHold(world.hold(from, to, 100))
    await setClock('2026-03-28T23:30:00Z')
    for (const amount of [1, 2, 3]) await world.mustPost(world.transfer(from, to, amount))
    await world.mustHold(world.hold(from, to, 4))
    await world.setLimits(from, { dailyLimit: 100 })
    expect(await leftOf(from)).toBe(90)
    const { rows } = await harness.pool.query(
      'select daily_limit, spent, spent_since from account where id = $1',
      [from.accountId],
    )
    const since = new Date('2026-03-28T23:00:00Z')
    expect(rows).toEqual([{ daily_limit: '100', spent: '10', spent_since: since }])
    await harness.audit()
  })

  it('on an account of which nothing was ever moved has nothing spent', async () => {
    await world.setLimits(to, { dailyLimit: 5 })
    await harness.audit()
    const account = await world.ledger.account(to.accountId)
    expect(account).toMatchObject({ dailyLimit: 5, version: 0 })
  })
})

describe('a bank whose clock is years ahead of those that ids are made by', () => {
  const noon = '2040-06-01T10:00:00Z'
  const later = '2040-06-01T11:00:00Z'

  it('counts the holds of the day for a limit that is set on it, and gives them back', async () => {
    await setClock(noon)
    await world.mustHold(world.hold(from, to, 7, { expiresInSeconds: 60 }))
    const released = await world.mustHold(world.hold(from, to, 20))
    const inPart = await world.mustHold(world.hold(from, to, 30))
    const before = await world.mustHold(world.hold(from, to, 11))
    await world.mustPost(world.capture(from, before, { amount: 5 }))
    await world.setLimits(from, { dailyLimit: 100 })
    expect(await leftOf(from)).toBe(100 - 7 - 20 - 30 - 5)
    await harness.audit()
    await world.mustHold(world.release(from, released))
    expect(await leftOf(from)).toBe(100 - 7 - 30 - 5)
    await world.mustPost(world.capture(from, inPart, { amount: 10 }))
    expect(await leftOf(from)).toBe(100 - 7 - 10 - 5)
    await setClock(later)
    await world.ledger.expireHolds([from.accountId])
    expect(await leftOf(from)).toBe(100 - 10 - 5)
    await harness.audit()
  })

  it('counts what is captured on the day after it was held on the day it was held', async () => {
    await setClock('2040-05-31T10:00:00Z')
    const hold = await world.mustHold(world.hold(from, to, 50, { expiresInSeconds: 172_800 }))
    await setClock(noon)
    await world.mustPost(world.capture(from, hold))
    await world.setLimits(from, { dailyLimit: 100 })
    expect(await leftOf(from)).toBe(100)
    await harness.audit()
  })

  it('books no capture before its hold, so that both are of one count', async () => {
    await setClock(noon)
    const hold = await world.mustHold(world.hold(from, to, 50))
    await setClock('2040-05-31T21:59:00Z')
    await world.mustPost(world.capture(from, hold))
    await setClock(later)
    await world.setLimits(from, { dailyLimit: 100 })
    expect(await leftOf(from)).toBe(50)
    await harness.audit()
  })
})

describe('two servers', () => {
  it('let exactly as much through as the limit says', async () => {
    await world.setLimits(from, { dailyLimit: 500 })
    const posts = await Promise.all(
      Array.from({ length: 80 }, (_, index) => {
        const { ledger, transfer, hold } = index % 2 ? world : elsewhere
        return index % 4 < 2 ? ledger.post(transfer(from, to, 10)) : ledger.hold(hold(from, to, 10))
      }),
    )
    const codes = posts.flatMap((each) => (each.kind === 'refused' ? [each.refusal.code] : []))
    expect(codes).toEqual(Array.from({ length: 30 }, () => 'daily_limit_exceeded'))
    await harness.audit()
  })

  it('count right when a limit is set while both of them pay', async () => {
    const pay = (count: number) =>
      Array.from({ length: count }, (_, index) => {
        const { ledger, transfer } = index % 2 ? world : elsewhere
        return ledger.post(transfer(from, to, 10))
      })
    const [posts] = await Promise.all([
      Promise.all(pay(60)),
      world.setLimits(from, { dailyLimit: 300 }),
    ])
    // The limit came at some moment, and what left before it counts.
    const late = await Promise.all(pay(30))
    const posted = [...posts, ...late].filter(({ kind }) => kind === 'posted').length
    const before = posts.filter(({ kind }) => kind === 'posted').length
    expect(posted).toBe(Math.max(before, 30))
    await harness.audit()
  })

  it('give one and the same answer to an instruction that both of them get', async () => {
    await world.setLimits(from, { dailyLimit: 100 })
    const instruction = world.transfer(from, to, 60)
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? world : elsewhere).ledger.post(instruction),
      ),
    )
    const ids = outcomes.map((each) => (each.kind === 'posted' ? each.transfer.id : each.kind))
    expect(new Set(ids).size).toBe(1)
    expect(await leftOf(from)).toBe(40)
  })
})
