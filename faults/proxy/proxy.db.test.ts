/** The proxy between an engine and a real PostgreSQL: what is done at which point, and what follows. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createWorld,
  type Customer,
  type World,
} from '../../server/src/ledger/conformance/world.ts'
import type { LedgerEngine } from '../../server/src/ledger/engine.ts'
import { createPostgresLedger } from '../../server/src/ledger/postgres/postgres-ledger.ts'
import {
  createPostgresHarness,
  type PostgresHarness,
} from '../../server/src/ledger/postgres/testing.ts'
import { addressOf } from '../../test/support/tcp-proxy.ts'
import { createProxy, type CutMoment, type Proxy } from './proxy.ts'

let harness: PostgresHarness
let proxy: Proxy
let world: World
let ledger: LedgerEngine
let from: Customer
let to: Customer

beforeEach(async () => {
  harness = await createPostgresHarness()
  const target = addressOf(harness.database.url)
  proxy = await createProxy(() => target.connect())
  world = createWorld(harness)
  ledger = createPostgresLedger({
    url: target.urlAt(proxy.port),
    namedStatements: true,
    transferAmountMax: 1_000_000,
    lockTimeoutMilliseconds: 500,
    flightLimitMilliseconds: 1_000,
  })
  from = await world.customer(1_000)
  to = await world.customer()
  // Opens the connection that is meddled with later, and prepares its statements.
  await ledger.post(world.transfer(from, to, 1))
})

afterEach(async () => {
  await proxy.close()
  await ledger.stop()
  await harness.audit()
  await harness.close()
})

describe('a line cut at COMMIT with no way back', () => {
  test.each<[CutMoment, string, bigint]>([
    ['before', 'has posted nothing', 1n],
    ['after', 'has posted the transfer', 11n],
  ])('%s: %s, the caller does not know, and the key tells', async (moment, _, balance) => {
    const instruction = world.transfer(from, to, 10)
    const isCut = proxy.cutAtCommit(moment)
    void isCut.then(() => proxy.refuse('57P03'))
    const answer = ledger.post(instruction, { deadline: performance.now() + 600 })
    await expect(answer).rejects.toMatchObject({ name: 'Fault', code: 'outcome_unknown' })
    await isCut
    expect(await world.balanceOf(to)).toBe(balance)

    proxy.heal()
    const outcome = await harness.ledger.post(instruction)
    expect(outcome).toMatchObject({ kind: 'posted', replayed: moment === 'after' })
    expect(await world.balanceOf(to)).toBe(11n)
  })
})

describe.each(['40001', '40P01'])('%s, which means run it again,', (sqlState) => {
  test.each(['for no key update', 'refuse_half_batch', 'commit'])(
    'at "%s" posts once',
    async (text) => {
      const plan = proxy.failStatements({ sqlState, text, times: 2 })
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => ledger.post(world.transfer(from, to, 10))),
      )
      await plan.done
      expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map(() => 'posted'))
      expect(await world.balanceOf(to)).toBe(201n)
    },
  )
})

test.each(['53300', '57014'])(
  '%s at the write set is unavailable and has done nothing',
  async (sqlState) => {
    const plan = proxy.failStatements({ sqlState, text: 'refuse_half_batch' })
    const answer = ledger.post(world.transfer(from, to, 10))
    await expect(answer).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' })
    await plan.done
    expect(await world.balanceOf(to)).toBe(1n)
    await expect(ledger.post(world.transfer(from, to, 10))).resolves.toMatchObject({
      kind: 'posted',
    })
  },
)

test('a COMMIT that comes back with the tag ROLLBACK is never taken for one', async () => {
  const plan = proxy.rollBackAtCommit()
  const answers = await Promise.allSettled(
    Array.from({ length: 4 }, () => ledger.post(world.transfer(from, to, 10))),
  )
  await plan.done
  const postedCount = answers.filter(({ status }) => status === 'fulfilled').length
  expect(await world.balanceOf(to)).toBe(1n + 10n * BigInt(postedCount))
})

test.each(['requests', 'answers', 'both'] as const)(
  'a line that swallows %s is given up, and the key tells after it is whole again',
  async (direction) => {
    proxy.blackhole(direction)
    const instruction = world.transfer(from, to, 10)
    const first = ledger.post(instruction, { deadline: performance.now() + 300 })
    await expect(first).rejects.toMatchObject({ name: 'Fault' })
    proxy.heal()
    await expect(ledger.post(instruction)).resolves.toMatchObject({ kind: 'posted' })
    expect(await world.balanceOf(to)).toBe(11n)
  },
)

test('a slow line changes nothing but the time', async () => {
  proxy.delay(20)
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => ledger.post(world.transfer(from, to, 10))),
  )
  expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map(() => 'posted'))
  expect(await world.balanceOf(to)).toBe(201n)
})

test('sessions that are refused are unavailable, and the ones there are go on', async () => {
  proxy.refuse('53300')
  await expect(ledger.post(world.transfer(from, to, 10))).resolves.toMatchObject({ kind: 'posted' })
  proxy.cutAll()
  await expect(ledger.post(world.transfer(from, to, 10))).rejects.toMatchObject({ name: 'Fault' })
  proxy.heal()
  await expect(ledger.post(world.transfer(from, to, 10))).resolves.toMatchObject({ kind: 'posted' })
})
