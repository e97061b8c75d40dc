import { afterEach, expect, test } from 'vitest'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { TransferOutcome } from '../engine.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

const harnesses: PostgresHarness[] = []

/** Two engines on one database, each with its own connections, queue and ids. */
async function twoWorlds(): Promise<[World, World]> {
  const first = await createPostgresHarness({ batchesInFlight: 4, batchSizeMax: 16 })
  const second = await createPostgresHarness({ batchesInFlight: 4, batchSizeMax: 16 }, first)
  // Closed in this order: the first one's database goes with it.
  harnesses.push(second, first)
  return [createWorld(first), createWorld(second)]
}

afterEach(async () => {
  await harnesses[0]?.audit()
  for (const harness of harnesses.splice(0)) await harness.close()
})

function count(outcomes: TransferOutcome[], kind: TransferOutcome['kind']): number {
  return outcomes.filter((outcome) => outcome.kind === kind).length
}

test('of 200 transfers of a whole balance through two engines one is posted', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(100), await one.customer()]
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const world = index % 2 ? one : other
      return world.ledger.post(world.transfer(from, to, 100))
    }),
  )
  expect([count(outcomes, 'posted'), count(outcomes, 'refused')]).toEqual([1, 199])
  expect(await one.balanceOf(to)).toBe(100n)
})

test('transfers in opposite directions through two engines end without a deadlock', async () => {
  const [one, other] = await twoWorlds()
  const customers: Customer[] = []
  for (let made = 0; made < 8; made += 1) customers.push(await one.customer(1_000))
  const before = await deadlocks()
  const pick = () => customers[Math.floor(Math.random() * customers.length)]
  const outcomes = await Promise.all(
    Array.from({ length: 800 }, (_, index) => {
      const [from, world] = [pick(), index % 2 ? one : other]
      const to = customers.find((customer) => customer !== from && Math.random() < 0.3) ?? pick()
      if (!from || !to) throw new Error('an index within the customers')
      return world.ledger.post(world.transfer(from, to, 1))
    }),
  )
  expect(count(outcomes, 'posted') + count(outcomes, 'refused')).toBe(800)
  expect(await deadlocks()).toBe(before)
})

async function deadlocks(): Promise<number> {
  const rows = await harnesses[0]?.pool.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(rows?.rows[0]?.deadlocks)
}

test('50 equal keys at once through two engines post once and replay 49 times', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(1_000), await one.customer()]
  const instruction = one.transfer(from, to, 10)
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? one : other).ledger.post(instruction)),
  )
  expect(count(outcomes, 'posted')).toBe(50)
  expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
  expect(await one.balanceOf(to)).toBe(10n)
})

test('equal keys for accounts that do not exist, where no lock helps, have one outcome', async () => {
  const [one, other] = await twoWorlds()
  const from = await one.customer(1_000)
  const nobody = { ownerId: one.newId(), accountId: one.newId(), party: { accountId: one.newId() } }
  const instruction = { ...one.transfer(from, nobody, 10), debit: { accountId: one.newId() } }
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? one : other).ledger.post(instruction)),
  )
  expect(count(outcomes, 'refused')).toBe(50)
  expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
})

test('deposits and withdrawals through two engines keep cash exact', async () => {
  const [one, other] = await twoWorlds()
  const customers: Customer[] = []
  for (let made = 0; made < 20; made += 1) customers.push(await one.customer(100))
  const before = await one.bankBalance('cash')
  const outcomes = await Promise.all(
    customers.flatMap((customer) =>
      Array.from({ length: 20 }, (_, index) => {
        const world = index % 2 ? one : other
        return world.ledger.post(
          index % 4 < 2 ? world.deposit(customer, 7) : world.withdrawal(customer, 3),
        )
      }),
    ),
  )
  expect(count(outcomes, 'posted')).toBe(400)
  expect((await one.bankBalance('cash')) - before).toBe(20n * (10n * 7n - 10n * 3n))
})

test('equal keys at once open one account, and a transfer with that key is refused', async () => {
  const [one, other] = await twoWorlds()
  const instruction = {
    ownerId: one.newId(),
    currency: 'EUR',
    name: null,
    accountsMax: 5,
    requestId: 'request-open',
    idempotencyKey: one.newKey(),
  }
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? one : other).ledger.openAccount(instruction),
    ),
  )
  const ids = outcomes.map((outcome) => outcome.kind === 'opened' && outcome.account.id)
  expect(new Set(ids).size).toBe(1)
  const [from, to] = [await one.customer(10), await one.customer()]
  const reused = await one.ledger.post({
    ...one.transfer({ ...from, ownerId: instruction.ownerId }, to, 1),
    idempotencyKey: instruction.idempotencyKey,
  })
  expect(reused).toMatchObject({ refusal: { code: 'idempotency_key_reused' } })
})
