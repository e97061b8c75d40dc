/** Two server processes on one database. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld, type World } from '../conformance/world.ts'
import { Fault } from '../../kernel/fault.ts'
import type { TransferInstruction } from '../engine.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

const lockTimeoutMilliseconds = 500
let harness: PostgresHarness
let world: World
let server: ChildProcess

beforeEach(async () => {
  harness = await createPostgresHarness({ lockTimeoutMilliseconds })
  world = createWorld(harness)
  server = fork(new URL('testing-server.ts', import.meta.url), [harness.database.url])
  await once(server, 'message')
})

afterEach(async () => {
  server.kill('SIGKILL')
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  await harness.audit()
  await harness.close()
})

async function order(instructions: TransferInstruction[], stopInside = false): Promise<string[]> {
  const answered = once(server, 'message')
  server.send({ instructions, stopInside })
  const [{ outcomes }] = await answered
  return outcomes
}

test('two processes on one hot account keep it exact', async () => {
  const [hot, other] = [await world.customer(1_000), await world.customer(1_000)]
  const both = (index: number) =>
    index % 2 ? world.transfer(hot, other, 1) : world.transfer(other, hot, 2)
  const theirs = Array.from({ length: 400 }, (_, index) => both(index))
  const ours = Array.from({ length: 400 }, (_, index) => both(index))
  const [outcomes, answers] = await Promise.all([order(theirs), world.postAll(ours)])
  const kinds = [...outcomes, ...answers.map(({ kind }) => kind)]
  expect(kinds.filter((kind) => kind === 'posted')).toHaveLength(800)
  expect(await world.balanceOf(hot)).toBe(1_400n)
})

/** Waits until the other process sits inside its batch with the locks of its accounts. */
async function untilStopped(): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await harness.pool.query<{ count: string }>(
        `select count(*) from pg_stat_activity where state = 'idle in transaction'
           and application_name = 'tallystick ledger' and datname = current_database()`,
      )
      return rows[0]?.count
    })
    .toBe('1')
}

test('a server stopped inside a batch holds up only its accounts, and those only for seconds', async () => {
  const [held, to] = [await world.customer(100), await world.customer()]
  const [from, other] = [await world.customer(100), await world.customer()]
  const theirs = order([world.transfer(held, to, 1)], true)
  await untilStopped()
  const behind = world.transfer(other, await world.customer(), 1)
  const free = world.transfer(from, await world.customer(), 1)
  const deadline = performance.now() + 2_000
  const needsHeld = world.ledger.post(world.transfer(held, other, 1), { deadline })
  const answers: string[] = []
  await Promise.all([
    needsHeld.catch((error: unknown) => answers.push(error instanceof Fault ? error.code : 'else')),
    // Of the same batch: the one behind on an account waits with it, the other does not.
    world.ledger.post(behind).then(({ kind }) => answers.push(`behind ${kind}`)),
    world.ledger.post(free).then(({ kind }) => answers.push(`free ${kind}`)),
  ])
  expect(answers).toEqual(['free posted', 'overloaded', 'behind refused'])
  // While it is still stopped and its session still holds the account.
  await untilStopped()
  // The database ends that session in the end, and with it go its locks.
  const later = { deadline: performance.now() + 15_000 }
  await expect(world.ledger.post(world.transfer(held, to, 7), later)).resolves.toMatchObject({
    kind: 'posted',
  })
  expect(await world.balanceOf(held)).toBe(93n)
  // Awake again, it finds its tx gone and says that nothing was done.
  server.kill('SIGCONT')
  expect(['unavailable', 'overloaded', 'outcome_unknown']).toContain((await theirs)[0])
  expect(await world.balanceOf(held)).toBe(93n)
})
