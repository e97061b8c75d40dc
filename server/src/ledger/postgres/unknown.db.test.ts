/** COMMIT and its answer, cut at the worst moments. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createTcpProxy,
  type CutMoment,
  type TcpProxy,
} from '../../../../test/support/tcp-proxy.ts'
import { groupOf } from '../conformance/groups.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { LedgerEngine } from '../engine.ts'
import { createPostgresLedger } from './postgres-ledger.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

/** With the end of the string, since BEGIN's READ COMMITTED has the word in it too. */
const commitText = 'commit\0'

let harness: PostgresHarness
let proxy: TcpProxy
let world: World
let ledger: LedgerEngine
let from: Customer
let to: Customer

beforeEach(async () => {
  harness = await createPostgresHarness()
  proxy = await createTcpProxy(harness.database.url)
  world = createWorld(harness)
  ledger = createPostgresLedger({
    url: proxy.url,
    namedStatements: true,
    transferAmountMax: 1_000_000,
    lockTimeoutMilliseconds: 500,
  })
  from = await world.customer(1_000)
  to = await world.customer()
  // Opens the connection that is cut later.
  await ledger.post(world.transfer(from, to, 1))
})

afterEach(async () => {
  await ledger.stop()
  await proxy.close()
  await harness.audit()
  await harness.close()
})

/** Whether the server's login gets new connections; those it has stay. */
async function allowConnections(isAllowed: boolean): Promise<void> {
  const change = isAllowed
    ? 'grant connect on database %I to'
    : 'revoke connect on database %I from'
  await harness.pool.query(`do $$ begin
    execute format('${change} public, tallystick, tallystick_server', current_database());
  end $$`)
}

describe.each<CutMoment>(['before', 'after'])('a line cut just %s COMMIT', (moment) => {
  test('posts once, and the caller gets the one outcome', async () => {
    proxy.cutAt(commitText, moment)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => ledger.post(world.transfer(from, to, 10))),
    )
    expect(outcomes.filter(({ kind, replayed }) => kind === 'posted' && !replayed)).toHaveLength(20)
    expect(await world.balanceOf(to)).toBe(201n)
  })

  test('posts a group once and whole, and the caller of each gets its outcomes', async () => {
    const good = groupOf(world, [
      [from, to, 10],
      [from, to, 20],
    ])
    const bad = groupOf(world, [
      [from, to, 1],
      [from, to, 5_000],
    ])
    proxy.cutAt(commitText, moment)
    const answers = await Promise.all([good, bad].map((group) => ledger.postGroup(group)))
    expect(answers.map(({ outcomes }) => outcomes)).toMatchObject([
      [
        { kind: 'posted', replayed: false },
        { kind: 'posted', replayed: false },
      ],
      [
        { replayed: false, refusal: { code: 'group_failed', index: 1 } },
        { replayed: false, refusal: { code: 'insufficient_funds' } },
      ],
    ])
    expect(await world.balanceOf(to)).toBe(31n)
  })

  test('places, captures, releases and reverses once, and callers get the one outcome', async () => {
    const holds = await Promise.all(
      [1, 2, 3].map((amount) => world.mustHold(world.hold(from, to, amount))),
    )
    const [captured, released] = holds
    const original = await world.mustPost(world.transfer(from, to, 10))
    if (!captured || !released) throw new Error('the holds were placed')
    // So that the connection for look-ups is there before the line is cut.
    await ledger.post(world.capture(from, { id: world.newId() }))
    proxy.cutAt(commitText, moment)
    const outcomes = await Promise.all([
      ledger.hold(world.hold(from, to, 4)),
      ledger.post(world.capture(from, captured)),
      ledger.hold(world.release(from, released)),
      ledger.post(world.reversal(to, original)),
    ])
    const kinds = outcomes.map(({ kind, replayed }) => `${kind} ${replayed}`)
    expect(kinds).toEqual(['held false', 'posted false', 'held false', 'posted false'])
    expect(await world.balanceOf(to)).toBe(2n)
    expect(await ledger.account(from.accountId)).toMatchObject({ ledgerBalance: 998n, held: 7 })
  })

  test('with no way back is unknown at the deadline, and the key gives the truth', async () => {
    const instruction = world.transfer(from, to, 10)
    await allowConnections(false)
    proxy.cutAt(commitText, moment)
    const deadline = performance.now() + 600
    await expect(ledger.post(instruction, { deadline })).rejects.toMatchObject({
      name: 'Fault',
      code: 'outcome_unknown',
    })
    await allowConnections(true)
    // Through another server, which must find what was done or do it now.
    const outcome = await harness.ledger.post(instruction)
    expect(outcome.kind).toBe('posted')
    expect(await world.balanceOf(to)).toBe(11n)
  })
})

async function endWaitingSession(): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await harness.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'tallystick ledger' and wait_event_type = 'Lock'
           and datname = current_database()`,
      )
      return rows.length
    })
    .toBe(1)
}

test('a session that the server ends before COMMIT has done nothing and says so', async () => {
  const { pool } = harness
  const holder = await pool.connect()
  await holder.query('begin')
  await holder.query('select from account where id = $1 for update', [from.accountId])
  const [answer] = await Promise.all([
    Promise.allSettled([ledger.post(world.transfer(from, to, 10))]),
    endWaitingSession(),
  ])
  expect(answer).toMatchObject([{ reason: { name: 'Fault', code: 'unavailable' } }])
  await holder.query('rollback')
  holder.release()
  expect(await world.balanceOf(to)).toBe(1n)
  // The next one has a new connection.
  await expect(ledger.post(world.transfer(from, to, 10))).resolves.toMatchObject({ kind: 'posted' })
})

test('a lock that is held too long is overloaded with nothing done, and the way is free after', async () => {
  const holder = await harness.pool.connect()
  await holder.query('begin')
  await holder.query('select from account where id = $1 for update', [from.accountId])
  const answer = ledger.post(world.transfer(from, to, 10))
  await expect(answer).rejects.toMatchObject({ name: 'Fault', code: 'overloaded' })
  await holder.query('rollback')
  holder.release()
  expect(await world.balanceOf(to)).toBe(1n)
  await expect(ledger.post(world.transfer(from, to, 10))).resolves.toMatchObject({ kind: 'posted' })
})

test('what waits past its deadline is given up with nothing done', async () => {
  const holder = await harness.pool.connect()
  await holder.query('begin')
  await holder.query('select from account where id = $1 for update', [from.accountId])
  const first = ledger.post(world.transfer(from, to, 10))
  const behind = ledger.post(world.transfer(from, to, 5), { deadline: performance.now() + 100 })
  await expect(behind).rejects.toMatchObject({ name: 'Fault', code: 'overloaded' })
  await holder.query('rollback')
  holder.release()
  await expect(first).resolves.toMatchObject({ kind: 'posted' })
  expect(await world.balanceOf(to)).toBe(11n)
})
