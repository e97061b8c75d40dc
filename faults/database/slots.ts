/** Every connection slot of PostgreSQL taken by another client, while the servers need new ones. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Fault, World } from '../fault.ts'

/** More than PostgreSQL has: a loop that opens this many without being refused is wrong. */
const slotsMax = 2_000

export const connectionSlots: Fault = {
  name: 'connection-slots',
  description: 'another client takes every connection slot, and the servers lose theirs',
  async inject(world, random) {
    const hog = createHog(world)
    try {
      await hog.takeAll()
      await endSessions(world)
      // The servers and the hog race for the slots that have become free.
      await hog.takeAll()
      world.note(`${hog.size} slots were taken`)
      await sleep(random.integer(300, 2_500))
    } finally {
      await hog.release()
    }
  },
}

function createHog({ postgres }: World) {
  const clients: Client[] = []

  /** False when there was no slot. */
  async function takeOne(): Promise<boolean> {
    const client = new Client({ connectionString: postgres.url, application_name: 'hog' })
    client.on('error', () => {})
    try {
      await client.connect()
    } catch {
      await client.end().catch(() => {})
      return false
    }
    clients.push(client)
    return true
  }

  return {
    get size() {
      return clients.length
    },
    async takeAll() {
      while (await takeOne()) {
        if (clients.length > slotsMax) throw new Error('PostgreSQL has no end of slots')
      }
    },
    async release() {
      await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})))
    },
  }
}

/** Those of the servers; superusers have slots of their own. */
async function endSessions({ postgres }: World): Promise<void> {
  await postgres.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name like 'tallystick%' and pid <> pg_backend_pid()`,
  )
}
