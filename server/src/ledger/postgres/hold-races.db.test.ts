/** Holds and reversals through two engines on one database, whose only bond is the row locks. */
import { afterEach, expect, test } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { createWorld, type World } from '../conformance/world.ts'
import type { Hold, HoldOutcome, Outcome, TransferOutcome } from '../engine.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

const harnesses: PostgresHarness[] = []

/** Two engines, each with its own connections, queue and ids. */
async function twoWorlds(): Promise<[World, World]> {
  const options = { batchesInFlight: 4, batchSizeMax: 16 }
  const first = await createPostgresHarness(options)
  const second = await createPostgresHarness(options, first)
  // Closed in this order: the first one's database goes with it.
  harnesses.push(second, first)
  return [createWorld(first), createWorld(second)]
}

afterEach(async () => {
  await harnesses[0]?.audit()
  for (const harness of harnesses.splice(0)) await harness.close()
})

const done = (outcomes: readonly Outcome[]) => outcomes.filter(({ kind }) => kind !== 'refused')

/** The outcome of each call, and none that faulted. */
async function all(calls: readonly (() => Promise<Outcome>)[]): Promise<Outcome[]> {
  return Promise.all(calls.map((call) => call()))
}

async function stateOf(world: World, id: string) {
  const state = await world.ledger.account(id)
  assert(state, 'the account is there')
  return state
}

test('of captures, releases and expiry at once exactly one resolves each hold', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(1000), await one.customer()]
  const holds: Hold[] = []
  for (let count = 0; count < 12; count += 1) {
    holds.push(await one.mustHold(one.hold(from, to, 50)))
  }
  const calls = holds.flatMap((hold, place) =>
    [one, other, one, other].flatMap((world, index) => [
      async (): Promise<TransferOutcome> => {
        // Some of them are overdue from this moment on, in the middle of it all.
        if (place % 2 === 0 && index === 1) await one.harness.makeOverdue(hold.id)
        return world.ledger.post(world.capture(from, hold, { amount: 10 + index }))
      },
      (): Promise<HoldOutcome> => world.ledger.hold(world.release(from, hold)),
    ]),
  )
  const expiring = [one, other].map((world) => world.ledger.expireHolds([from.accountId]))
  const outcomes = await all(calls)
  await Promise.all(expiring)
  const ended = await Promise.all(holds.map(({ id }) => one.harness.hold(id)))
  expect(ended.every((hold) => hold !== undefined && hold.state !== 'active')).toBe(true)
  const expired = ended.filter((hold) => hold?.state === 'expired')
  expect(done(outcomes)).toHaveLength(holds.length - expired.length)
  const captured = ended.reduce((sum, hold) => sum + (hold?.captured ?? 0), 0)
  expect(await one.balanceOf(to)).toBe(BigInt(captured))
  expect(await stateOf(one, from.accountId)).toMatchObject({
    ledgerBalance: 1000n - BigInt(captured),
    held: 0,
  })
})

test('of 50 captures of one hold at once through two engines one is posted', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(100), await one.customer()]
  const hold = await one.mustHold(one.hold(from, to, 100))
  const outcomes = await all(
    Array.from({ length: 50 }, (_, index) => async () => {
      const world = index % 2 ? one : other
      return world.ledger.post(world.capture(from, hold))
    }),
  )
  expect(done(outcomes)).toHaveLength(1)
  const codes = outcomes.map((each) => each.kind === 'refused' && each.refusal.code)
  expect(codes.filter((code) => code === 'hold_not_active')).toHaveLength(49)
  expect(await one.balanceOf(to)).toBe(100n)
})

test('50 equal captures at once through two engines post once and replay 49 times', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(100), await one.customer()]
  const hold = await one.mustHold(one.hold(from, to, 100))
  const capture = one.capture(from, hold, { amount: 60 })
  const outcomes = await all(
    Array.from({ length: 50 }, (_, index) => async () => {
      return (index % 2 ? one : other).ledger.post(capture)
    }),
  )
  expect(done(outcomes)).toHaveLength(50)
  expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
  expect(await one.balanceOf(to)).toBe(60n)
})

test('reversals at once through two engines never move back more than was moved', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(500), await one.customer(10_000)]
  const original = await one.mustPost(one.transfer(from, to, 300))
  // Its connections are open, so that the two take turns from the first batch on.
  await Promise.all([other, other, other].map((world) => world.mustPost(world.deposit(to, 1))))
  const outcomes = await all(
    Array.from({ length: 200 }, (_, index) => async () => {
      const world = index % 2 ? one : other
      return world.ledger.post(world.reversal(to, original, { amount: 3 + (index % 5) }))
    }),
  )
  const back = outcomes.reduce(
    (sum, each) => sum + (each.kind === 'posted' ? each.transfer.amount : 0),
    0,
  )
  expect(back).toBeLessThanOrEqual(300)
  expect(back).toBeGreaterThan(300 - 7)
  expect(await one.balanceOf(from)).toBe(200n + BigInt(back))
})

test('held money is never spent by transfers, holds and captures at once', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(1000), await one.customer()]
  const placed = await all(
    Array.from({ length: 40 }, (_, index) => async () => {
      const world = index % 2 ? one : other
      return index % 4 < 2
        ? world.ledger.hold(world.hold(from, to, 60))
        : world.ledger.post(world.transfer(from, to, 40))
    }),
  )
  const spent = placed.flatMap((each) => (each.kind === 'posted' ? [each.transfer.amount] : []))
  const holds = placed.flatMap((each) => (each.kind === 'held' ? [each.hold] : []))
  const left = 1000 - spent.length * 40 - holds.length * 60
  expect(left).toBeGreaterThanOrEqual(0)
  expect(left).toBeLessThan(60)
  expect(await stateOf(one, from.accountId)).toMatchObject({ held: holds.length * 60 })

  // Whoever tries to spend it while it is captured is too late for each of them.
  const outcomes = await all(
    holds.flatMap((hold, index) => {
      const [world, another] = index % 2 ? [one, other] : [other, one]
      return [
        async () => another.ledger.post(another.transfer(from, to, 60)),
        async () => world.ledger.post(world.capture(from, hold)),
      ]
    }),
  )
  expect(done(outcomes)).toHaveLength(holds.length)
  expect(await stateOf(one, from.accountId)).toMatchObject({
    ledgerBalance: BigInt(left),
    held: 0,
  })
})
