/**
 * The sealer: numbers committed batches with gapless positions, the order that feeds follow.
 *
 * Why not the batch's id: ids are drawn before COMMIT, so a follower by id can pass a batch that is not
 * visible yet and never see it. A position is given only to a batch that is visible, and each chunk
 * only after the one before it has committed, so who sees position n sees all before it.
 *
 * Within a chunk positions follow ids. Batches that share an account hold its lock one after the
 * other, so of two such the one with the lower id is visible first: positions follow every account's
 * seq.
 *
 * Two statements in one tx: the lock on `batch_seal`, then, under a new snapshot, the chunk. In one
 * statement the batches would be read as they were before the lock came. The lock is not waited for:
 * while one server seals, the others skip their turn.
 *
 * Bounds: one tx per `intervalMilliseconds`, or one after the other while chunks are full; a look that
 * locks nothing while there is no work. No batch of the ledger ever waits for it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import { toSafeInteger } from '../../database/convert.ts'
import type { Database } from '../../database/database.ts'
import { statement, type RowOf } from '../../database/statement.ts'
import { assert, present } from '../../kernel/assert.ts'

/** Locks the one row of `batch_seal`; no row while another tx holds it. */
export const lockSeal = statement({
  name: 'ledger_lock_seal',
  text: `select last_position from batch_seal for no key update skip locked`,
  parameters: [],
  columns: { last_position: 'bigint' },
})

/**
 * Gives the next positions to the first batches without one, as many as the first parameter says, and
 * returns how many there were. Index: batch_unsealed for the chunk, batch_pkey for the update. Locks
 * those batch rows in order of id; nothing else ever updates them.
 */
export const sealChunk = statement({
  name: 'ledger_seal_chunk',
  text: `
    with chunk as (
      select id, row_number() over (order by id) as place
      from (select id from batch where position is null order by id limit $1::integer) as waiting
    ), sealed as (
      update batch as b set position = s.last_position + c.place
      from chunk as c cross join batch_seal as s
      where b.id = c.id
      returning 1
    ), counted as (
      update batch_seal set last_position = last_position + (select count(*) from sealed)
      returning last_position
    )
    select (select count(*) from sealed) as sealed_count,
      (select last_position from counted) as last_position`,
  parameters: ['integer'],
  columns: { sealed_count: 'bigint', last_position: 'bigint' },
})

export interface Sealer {
  /** Seals one chunk now. Resolves with how many batches: 0 without work or while another seals. */
  seal(): Promise<number>
  /** Seals again and again until `stop`. */
  start(): void
  /** Resolves when nothing of it runs any more; batches that wait are left to the next sealer. */
  stop(): Promise<void>
}

export interface SealerOptions {
  database: Database
  /** How long to wait after a chunk that was not full; 250 when not given. */
  intervalMilliseconds?: number
  /** The most batches in one tx; 1000 when not given. */
  chunkSize?: number
  /** Told of each failure; the sealer goes on after the next interval. */
  onError: (error: unknown) => void
}

export function createSealer(options: SealerOptions): Sealer {
  const { database, intervalMilliseconds = 250, chunkSize = 1000, onError } = options
  assert(intervalMilliseconds > 0 && chunkSize > 0, 'the bounds of the sealer are positive')
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  async function seal(): Promise<number> {
    // Index: batch_unsealed. Locks nothing, and is all that an idle ledger sees of the sealer.
    const unsealed = database.kysely.selectFrom('batch').select('id').where('position', 'is', null)
    const waiting = await unsealed.orderBy('id').limit(1).executeTakeFirst()
    if (waiting === undefined) return 0
    return database.transaction(async (tx) => {
      const locked = await tx.executeQuery<RowOf<typeof lockSeal>>(
        CompiledQuery.raw(lockSeal.text, []),
      )
      const before = locked.rows[0]
      if (before === undefined) return 0
      const { rows } = await tx.executeQuery<RowOf<typeof sealChunk>>(
        CompiledQuery.raw(sealChunk.text, [chunkSize]),
      )
      const { sealed_count, last_position } = present(rows[0], 'the count of sealed batches')
      const count = toSafeInteger(sealed_count)
      const grown = toSafeInteger(last_position) - toSafeInteger(before.last_position)
      assert(grown === count && count <= chunkSize, 'as many positions are given as batches sealed')
      return count
    })
  }

  async function sealUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      try {
        if ((await seal()) === chunkSize) continue
      } catch (error) {
        onError(error)
      }
      // The timer alone is no reason for the process to live on; an abort ends it early.
      await delay(intervalMilliseconds, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    seal,
    start() {
      if (work !== undefined) return
      const stopping = new AbortController()
      work = { stopping, done: sealUntil(stopping) }
    },
    async stop() {
      work?.stopping.abort()
      await work?.done
      work = undefined
    },
  }
}
