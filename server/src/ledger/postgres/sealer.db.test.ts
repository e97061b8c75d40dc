import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDatabase, type Database } from '../../database/database.ts'
import { assert } from '../../kernel/assert.ts'
import { auditLedger } from '../audit/audit.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { PostedFacts } from '../core/types.ts'
import { readFeed } from './feed.ts'
import { createSealer } from './sealer.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

let harness: PostgresHarness
let database: Database
let world: World

beforeEach(async () => {
  harness = await createPostgresHarness({ batchSizeMax: 5 })
  database = openDatabase()
  world = createWorld(harness)
})

afterEach(async () => {
  const { findings } = await auditLedger({ url: harness.database.url })
  await database.close()
  await harness.close()
  assert(findings.length === 0, `the books are wrong: ${JSON.stringify(findings)}`)
})

function openDatabase(): Database {
  const { url } = harness.database
  return createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
}

const onError = (error: unknown) => expect.unreachable(String(error))

async function unsealedCount(): Promise<number> {
  const rows = await database.kysely
    .selectFrom('batch')
    .select('id')
    .where('position', 'is', null)
    .execute()
  return rows.length
}

describe('the sealer', () => {
  it('numbers what is committed without a gap, chunk by chunk, and then has nothing to do', async () => {
    const sealer = createSealer({ database, chunkSize: 2, onError })
    expect(await sealer.seal()).toBe(0)
    for (let count = 0; count < 3; count += 1) await world.customer(100)
    expect([await sealer.seal(), await sealer.seal(), await sealer.seal()]).toEqual([2, 1, 0])
    await world.customer(100)
    expect(await sealer.seal()).toBe(1)
    const batches = await readFeed(database, 0)
    expect(batches.map(({ position }) => position)).toEqual([1, 2, 3, 4])
    expect(batches.flatMap(({ transfers }) => transfers)).toMatchObject(
      (await harness.transfers()).map(({ id }) => ({ id })),
    )
    expect((await readFeed(database, 1, 2)).map(({ position }) => position)).toEqual([2, 3])
    expect(await readFeed(database, 4)).toEqual([])
  })

  it('keeps batches apart whose ids interleave, as those of two servers do', async () => {
    const [one, other] = [await world.customer(100), await world.customer(100)]
    await world.postAll([world.transfer(one, other, 1), world.transfer(one, other, 2)])
    await world.postAll([world.transfer(one, other, 3), world.transfer(one, other, 4)])
    const owner = new Client({ connectionString: harness.database.superuserUrl })
    await owner.connect()
    // As if the second transfer had drawn its id after all that were posted later.
    const late = 'ffffffff-ffff-7fff-bfff-ffffffffffff'
    await owner.query(`begin; set local session_replication_role = replica;
      update batch set last_transfer_id = '${late}' from transfer as t
        where t.amount = 2 and batch.id = t.batch_id;
      update idempotency_key set transfer_id = '${late}' from transfer as t
        where t.amount = 2 and transfer_id = t.id;
      update transfer set id = '${late}' where amount = 2; commit`)
    await owner.end()
    await createSealer({ database, onError }).seal()
    const batches = await readFeed(database, 0)
    const amounts = batches.map(({ transfers }) => transfers.map(({ amount }) => amount))
    expect(amounts.flat()).toEqual([100, 100, 1, 2, 3, 4])
  })

  it('passes over a batch that is not committed, and numbers it after it is', async () => {
    const [one, other] = [await world.customer(100), await world.customer(100)]
    const sealer = createSealer({ database, onError })
    await sealer.seal()
    const slow = new Client({ connectionString: harness.database.superuserUrl })
    await slow.connect()
    try {
      // A batch of another server that has drawn its id and not yet committed.
      await slow.query('begin')
      await slow.query(`insert into batch (first_transfer_id, last_transfer_id, transfer_count,
        created_at) select id, id, 1, created_at from transfer limit 1`)
      await world.mustPost(world.transfer(one, other, 10))
      expect(await sealer.seal()).toBe(1)
      expect(await readFeed(database, 0)).toHaveLength(3)
    } finally {
      await slow.query('rollback')
      await slow.end()
    }
    // The id that was drawn is never used; positions do not mind.
    await world.mustPost(world.transfer(one, other, 10))
    expect(await sealer.seal()).toBe(1)
    expect((await readFeed(database, 0)).at(-1)?.position).toBe(4)
  })

  it('does not wait while another server seals', async () => {
    await world.customer(100)
    const other = new Client({ connectionString: harness.database.superuserUrl })
    await other.connect()
    try {
      await other.query('begin')
      await other.query('select last_position from batch_seal for update')
      expect(await createSealer({ database, onError }).seal()).toBe(0)
      expect(await unsealedCount()).toBe(1)
    } finally {
      await other.query('rollback')
      await other.end()
    }
    expect(await createSealer({ database, onError }).seal()).toBe(1)
  })

  it('goes on after an error and tells of it', async () => {
    await world.customer(100)
    const errors: unknown[] = []
    const broken = openDatabase()
    let failures = 2
    const flaky: Database = {
      ...broken,
      transaction: async (work) => {
        failures -= 1
        if (failures >= 0) throw new Error('planted')
        return broken.transaction(work)
      },
    }
    const sealer = createSealer({
      database: flaky,
      intervalMilliseconds: 1,
      onError: (error) => errors.push(error),
    })
    sealer.start()
    await vi.waitFor(async () => expect(await unsealedCount()).toBe(0))
    await sealer.stop()
    expect(errors).toHaveLength(2)
    await broken.close()
  })
})

describe('a follower by position', () => {
  it('misses nothing and sees the seq of each account in order, with several writers', async () => {
    // Two servers post; two sealers take turns; accounts and the bank's cash are shared by all.
    const second = await createPostgresHarness({ batchSizeMax: 3 }, harness)
    const secondWorld = createWorld(second)
    const customers = await Promise.all(Array.from({ length: 6 }, () => world.customer(10_000)))
    const sealers = [1, 2].map((intervalMilliseconds) =>
      createSealer({ database, intervalMilliseconds, chunkSize: 3, onError }),
    )
    for (const sealer of sealers) sealer.start()

    const followed: PostedFacts[] = []
    let position = 0
    let isWriting = true
    async function follow(): Promise<void> {
      for (;;) {
        const isLast = !isWriting && (await unsealedCount()) === 0
        const batches = await readFeed(database, position, 7)
        for (const batch of batches) followed.push(...batch.transfers)
        position = batches.at(-1)?.position ?? position
        if (isLast && batches.length === 0) return
      }
    }
    const following = follow()
    await Promise.all([
      ...[0, 1, 2].map((writer) => write(world, customers, writer)),
      ...[3, 4, 5].map((writer) => write(secondWorld, customers, writer)),
    ])
    isWriting = false
    await following
    for (const sealer of sealers) await sealer.stop()

    const posted = await harness.transfers()
    expect(posted.length).toBeGreaterThan(300)
    expect(new Set(followed.map(({ id }) => id)).size).toBe(followed.length)
    expect(followed.length).toBe(posted.length)
    expect(outOfOrder(followed)).toEqual([])
    await second.ledger.stop()
  })
})

/** Posts a few at a time, so that the batches of both servers interleave. */
async function write(writer: World, customers: Customer[], offset: number): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const from = customers[(round + offset) % customers.length]
    const to = customers[(round + offset + 1 + (offset % 3)) % customers.length]
    assert(from && to, 'the places are within the customers')
    await writer.postAll([
      writer.transfer(from, to, 3),
      writer.transfer(to, from, 2),
      writer.deposit(to, 1),
    ])
  }
}

/** The entries whose account was not at the seq before. */
function outOfOrder(transfers: readonly PostedFacts[]): string[] {
  const seqs = new Map<string, number>()
  const wrong: string[] = []
  const see = (accountId: string, seq: number) => {
    if (seq !== (seqs.get(accountId) ?? 0) + 1) wrong.push(`${accountId}: ${seq}`)
    seqs.set(accountId, seq)
  }
  for (const transfer of transfers) {
    see(transfer.debitAccountId, transfer.debitSeq)
    see(transfer.creditAccountId, transfer.creditSeq)
  }
  return wrong
}
