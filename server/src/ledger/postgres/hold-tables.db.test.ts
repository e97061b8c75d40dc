/** What the database itself refuses about holds and links, and what a batch reads of very many. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { Hold } from '../engine.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

let harness: PostgresHarness
let world: World
let from: Customer
let to: Customer

beforeAll(async () => {
  harness = await createPostgresHarness()
  world = createWorld(harness)
  ;[from, to] = [await world.customer(1_000_000), await world.customer()]
})
afterAll(async () => {
  await harness.audit()
  await harness.close()
})

const place = (): Promise<Hold> => world.mustHold(world.hold(from, to, 10))

const changes = [
  `update hold set amount = 11 where id = $1`,
  `update hold set expires_at = expires_at + interval '1 s' where id = $1`,
  `update hold set state = 'released' where id = $1`,
  `update hold set state = 'released', resolved_at = bank_now(), amount = 9 where id = $1`,
  `update hold set state = 'captured', resolved_at = bank_now(), captured = 11,
     transfer_id = gen_random_uuid() where id = $1`,
  `update hold set state = 'captured', resolved_at = bank_now(), captured = 10 where id = $1`,
  `delete from hold where id = $1`,
  `insert into transfer_link (transfer_id) values ($1)`,
  `insert into transfer_link (transfer_id, reverses_id) values ($1, $1)`,
]
test.each(changes)('the owner of the tables cannot: %s', async (sql) => {
  const { id } = await place()
  await expect(harness.pool.query(sql, [id])).rejects.toMatchObject({ code: /^23/ })
  expect(await harness.hold(id)).toMatchObject({ state: 'active', amount: 10 })
})

test('a hold that is over never changes again, nor goes, and no link ever does', async () => {
  const hold = await place()
  const { id } = await world.mustPost(world.capture(from, hold))
  const refused = { code: '23000' }
  const again = `update hold set state = 'released', captured = 0, transfer_id = null where id = $1`
  await expect(harness.pool.query(again, [hold.id])).rejects.toMatchObject(refused)
  const unlink = `update transfer_link set hold_id = null, group_id = hold_id where transfer_id = $1`
  await expect(harness.pool.query(unlink, [id])).rejects.toMatchObject(refused)
  for (const sql of ['truncate hold', 'truncate transfer_link', 'delete from transfer_link']) {
    await expect(harness.pool.query(sql)).rejects.toMatchObject(refused)
  }
})

test('very many overdue holds of an account go over several batches, each of them at once', async () => {
  const holds = await Promise.all(
    Array.from({ length: 200 }, () => world.ledger.hold(world.hold(from, to, 10))),
  )
  expect(holds.every(({ kind }) => kind === 'held')).toBe(true)
  // As a bank has them after a night without a server.
  await harness.pool.query(
    `begin; set local session_replication_role = replica;
     create table more as select * from hold where state = 'active' limit 0;
     insert into more select gen_random_uuid(), principal_id, debit_account_id, credit_account_id, 1,
       currency, bank_now() - interval '1 s' * (1 + n % 60), bank_now() - interval '1 day', 'active',
       0, null, null
     from (select * from hold where state = 'active' limit 1) as h, generate_series(1, 5000) as n;
     insert into hold select * from more;
     insert into idempotency_key (id, principal_id, key, item_index, format, fields, request_id,
       hold_id, created_at)
     select id, principal_id, id::text, 0, 1, '', 'request', id, created_at from more;
     update account set held = held + 5000, hold_expires_at = bank_now() - interval '1 day'
     where id = (select debit_account_id from more limit 1);
     commit`,
  )
  const active = async () => {
    const { rows } = await harness.pool.query<{ count: string }>(
      `select count(*) from hold where state = 'active' and amount = 1`,
    )
    return Number(rows[0]?.count)
  }
  const last = await harness.pool.query<{ id: string }>(
    `select id from hold where state = 'active' and amount = 1 order by expires_at desc limit 1`,
  )
  const id = last.rows[0]?.id ?? ''
  const capture = await world.ledger.post(world.capture(from, { id }))
  expect(capture).toMatchObject({ refusal: { code: 'hold_not_active', state: 'expired' } })
  expect(await active()).toBe(999)
  await world.ledger.expireHolds([from.accountId])
  expect(await active()).toBe(0)
  await harness.pool.query('drop table more')
})

test('a moment that is too early is looked at once, and then it is that of the next hold', async () => {
  const payer = await world.customer(500)
  const { expiresAt } = await world.mustHold(world.hold(payer, to, 100))
  const moments = async () => {
    const sql = 'select hold_expires_at from account where id = $1'
    return (await harness.pool.query(sql, [payer.accountId])).rows
  }
  await harness.pool.query(
    `update account set hold_expires_at = bank_now() - interval '1 s' where id = $1`,
    [payer.accountId],
  )
  await world.mustPost(world.transfer(payer, to, 1))
  expect(await moments()).toEqual([{ hold_expires_at: expiresAt }])
})

test('what waits for an account that another session holds keeps no other hold waiting', async () => {
  const [payer, hold] = [await world.customer(500), await place()]
  const other = await world.mustHold(world.hold(payer, to, 100))
  const holder = await harness.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('select from account where id = $1 for update', [from.accountId])
    const options = { deadline: performance.now() + 20_000 }
    const waiting = world.ledger.post(world.capture(from, hold), options)
    const free = await world.ledger.hold(world.release(payer, other), options)
    expect(free.kind).toBe('held')
    await holder.query('rollback')
    expect((await waiting).kind).toBe('posted')
  } finally {
    holder.release()
  }
})
