import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import { sendQuery } from './query.ts'

const text = 'select g as number, g::text as digits from generate_series(1, 20) as g'

async function withClient(work: (client: Client) => Promise<void>): Promise<void> {
  const database = await createTestDatabase()
  const client = new Client({ connectionString: database.url })
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
    await database.drop()
  }
}

/** Collects the young generation, as happens every few milliseconds under load. */
function scavenger(): () => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc !== 'function') throw new TypeError('there is no gc')
  return () => void gc({ type: 'minor' })
}

function oldBytes(): number {
  const spaces = getHeapSpaceStatistics()
  return spaces.find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0
}

test('nothing of a query that is over outlives the collections of the young generation', () =>
  withClient(async (client) => {
    const scavenge = scavenger()
    const run = async (count: number) => {
      for (let done = 1; done <= count; done += 1) {
        await sendQuery(client, { text })
        if (done % 20 === 0) scavenge()
      }
    }
    await run(1000)
    const before = oldBytes()
    await run(1000)
    expect((oldBytes() - before) / 1000).toBeLessThan(500)
  }))

test('an error is that of the server, with a stack that leads to the caller', () =>
  withClient(async (client) => {
    async function askForNonsense() {
      await sendQuery(client, { text: 'select nonsense' })
    }
    await expect(askForNonsense()).rejects.toMatchObject({
      code: '42703',
      stack: expect.stringContaining('askForNonsense') as unknown,
    })
  }))
