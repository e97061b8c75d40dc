/**
 * Real deadlocks: a session that locks accounts in the opposite order, highest id first, again and
 * again, while the servers' batches lock theirs lowest id first.
 */
import { Client, DatabaseError } from 'pg'
import type { Fault, World } from '../fault.ts'

const wanted = 3
const triesMax = 400
const deadlockDetected = '40P01'

export const realDeadlocks: Fault = {
  name: 'real-deadlocks',
  description: 'another session locks the accounts of batches in the opposite order',
  async inject(world, random) {
    const before = await countDeadlocks(world)
    for (const victim of random.shuffle(['we', 'they'] as const)) {
      const seen = await lockBackwards(world, victim)
      world.note(`${seen} txs of ours ended in a deadlock when ${victim} were to be the victim`)
    }
    world.note(`${(await countDeadlocks(world)) - before} deadlocks in all`)
  },
}

/** Who looks for a deadlock first is its victim. Returns how often that was this session. */
async function lockBackwards({ postgres, load }: World, victim: 'we' | 'they'): Promise<number> {
  const client = new Client({ connectionString: postgres.superuserUrl })
  client.on('error', () => {})
  await client.connect()
  let seen = 0
  try {
    const timeout = victim === 'we' ? '10ms' : '5s'
    await client.query(`set deadlock_timeout = '${timeout}'`)
    for (let tries = 0; seen < wanted && tries < triesMax; tries += 1) {
      try {
        await client.query('begin')
        await client.query('select id from account order by id desc for no key update')
      } catch (error) {
        if (!(error instanceof DatabaseError && error.code === deadlockDetected)) throw error
        seen += 1
      }
      await client.query('rollback')
      if (victim === 'they' && tries >= wanted) break
      await load.acknowledged(5)
    }
  } finally {
    await client.end()
  }
  return seen
}

async function countDeadlocks({ postgres }: World): Promise<number> {
  const [row] = await postgres.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(row?.deadlocks ?? 0)
}
