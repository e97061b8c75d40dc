import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts'
import { queryOnce } from '../../../test/support/query.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { addJob, createJobRunner, type JobOutcome, type JobRunner, type JobTask } from './jobs.ts'

let testDatabase: TestDatabase
let database: Database
let runners: JobRunner[]

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  database = createDatabase({
    url: testDatabase.url,
    poolSize: 2,
    applicationName: 'test',
    namedStatements: true,
  })
  runners = []
})

afterEach(async () => {
  await stopAll()
  await database.close()
  await testDatabase.drop()
})

/** A list that can be waited for. */
function createCollector<T>() {
  const items: T[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  return {
    items,
    add(item: T) {
      items.push(item)
      for (const { count, resolve } of waiting) if (items.length >= count) resolve()
    },
    async reach(count: number): Promise<T[]> {
      if (items.length < count) {
        await new Promise<void>((resolve) => waiting.push({ count, resolve }))
      }
      return items
    },
  }
}

function startRunner(task: JobTask, url = testDatabase.url) {
  const outcomes = createCollector<[JobOutcome, string | undefined]>()
  const errors = createCollector<unknown>()
  const runner = createJobRunner({
    url,
    namedStatements: true,
    database,
    tasks: { greet: task },
    onOutcome: (_task, outcome, error) =>
      outcomes.add([outcome, error instanceof Error ? error.message : undefined]),
    onError: (error) => errors.add(error),
    restartMilliseconds: 10,
  })
  runners.push(runner)
  runner.start()
  return { outcomes, errors }
}

const add = (name: string, key = name) =>
  database.transaction((tx) => addJob(tx, { task: 'greet', payload: { name }, key }))

const jobs = () =>
  queryOnce(
    testDatabase.ownerUrl,
    'select key, attempts, locked_at is not null as locked from graphile_worker.jobs order by key',
  )

/** Lets a job that failed be due now, once its failure is stored. */
async function makeDue(): Promise<void> {
  const text = `update graphile_worker._private_jobs set run_at = now() where locked_at is null
    returning pg_notify('jobs:insert', '{}')`
  while ((await queryOnce(testDatabase.ownerUrl, text)).length === 0);
}

async function stopAll(): Promise<void> {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()))
}

describe('a job', () => {
  test('runs once its cause has committed, with the rights of the server', async () => {
    const greeted = createCollector<unknown>()
    const { outcomes } = startRunner(async (payload) => greeted.add(payload))
    await add('alice')
    expect(await greeted.reach(1)).toEqual([{ name: 'alice' }])
    expect(await outcomes.reach(1)).toEqual([['done', undefined]])
    await stopAll()
    expect(await jobs()).toEqual([])
  })

  test('of a tx that is undone never was', async () => {
    const undone = database.transaction(async (tx) => {
      await addJob(tx, { task: 'greet', payload: { name: 'ghost' }, key: 'ghost' })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await jobs()).toEqual([])
  })

  test('is added with the rights that a tx has where owner and server are one login', async () => {
    const oneLogin = createDatabase({
      url: testDatabase.ownerUrl,
      poolSize: 1,
      applicationName: 'test',
      namedStatements: true,
      role: 'tallystick_server',
    })
    try {
      await oneLogin.transaction((tx) => addJob(tx, { task: 'greet', payload: {}, key: 'one' }))
    } finally {
      await oneLogin.close()
    }
    expect(await jobs()).toMatchObject([{ key: 'one' }])
  })

  test('that fails is run again, and says each time why', async () => {
    let tries = 0
    const { outcomes } = startRunner(async () => {
      tries += 1
      if (tries < 3) throw new Error(`try ${tries}`)
    })
    await add('alice')
    await outcomes.reach(1)
    await makeDue()
    await outcomes.reach(2)
    await makeDue()
    const all = await outcomes.reach(3)
    expect(all).toEqual([
      ['retried', 'try 1'],
      ['retried', 'try 2'],
      ['done', undefined],
    ])
  })

  test('that never succeeds is given up in the end', async () => {
    await add('alice')
    await queryOnce(
      testDatabase.ownerUrl,
      'update graphile_worker._private_jobs set attempts = max_attempts - 1',
    )
    const { outcomes } = startRunner(async () => {
      throw new Error('never')
    })
    expect(await outcomes.reach(1)).toEqual([['given_up', 'never']])
  })

  test('with the key of one that waits takes its place', async () => {
    await add('first', 'key')
    await add('second', 'key')
    const greeted = createCollector<unknown>()
    const { outcomes } = startRunner(async (payload) => greeted.add(payload))
    await outcomes.reach(1)
    expect(greeted.items).toEqual([{ name: 'second' }])
    await stopAll()
    expect(await jobs()).toEqual([])
  })

  test('of a server that was killed is taken over by another one', async () => {
    await add('alice')
    await queryOnce(
      testDatabase.ownerUrl,
      `update graphile_worker._private_jobs
       set locked_at = now() - interval '4 minutes', locked_by = 'a killed one'`,
    )
    const { outcomes } = startRunner(async () => undefined)
    expect(await outcomes.reach(1)).toEqual([['done', undefined]])
  })
})

test('a stop waits for the job under way', async () => {
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const { outcomes } = startRunner(async () => {
    started.resolve()
    await finish.promise
  })
  await add('alice')
  await started.promise
  const stopped = stopAll()
  finish.resolve()
  await stopped
  expect(outcomes.items).toEqual([['done', undefined]])
  expect(await jobs()).toEqual([])
})

test('an outcome that cannot be stored ends neither the server nor the queue', async () => {
  const started = createCollector<unknown>()
  const finish = Promise.withResolvers<void>()
  const { errors } = startRunner(async (payload) => {
    started.add(payload)
    await finish.promise
  })
  await add('alice')
  await started.reach(1)
  const table = 'graphile_worker._private_jobs'
  await queryOnce(testDatabase.ownerUrl, `revoke delete on ${table} from tallystick_server`)
  finish.resolve()
  await errors.reach(1)
  await queryOnce(testDatabase.ownerUrl, `grant delete on ${table} to tallystick_server`)
  await add('bob')
  expect(await started.reach(2)).toContainEqual({ name: 'bob' })
})

test('two servers share the queue and run each job once', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `user_${index}`)
  await Promise.all(names.map((name) => add(name)))
  const greeted = createCollector<unknown>()
  const task: JobTask = async (payload) => greeted.add(payload)
  startRunner(task)
  startRunner(task)
  await greeted.reach(20)
  await stopAll()
  expect(new Set(greeted.items.map((item) => JSON.stringify(item))).size).toBe(20)
  expect(greeted.items).toHaveLength(20)
})

test('nobody but the server and the owner reads or adds jobs', async () => {
  await add('alice')
  await queryOnce(testDatabase.superuserUrl, 'drop role if exists tallystick_nobody')
  await queryOnce(
    testDatabase.superuserUrl,
    `create role tallystick_nobody; grant tallystick_nobody to current_user`,
  )
  try {
    const spying = database.transaction((tx) =>
      sql`select * from graphile_worker._private_known_crontabs`.execute(tx),
    )
    await expect(spying).rejects.toMatchObject({ code: '42501' })
    const nobody = queryOnce(
      testDatabase.superuserUrl,
      'set role tallystick_nobody; select * from graphile_worker._private_jobs',
    )
    await expect(nobody).rejects.toMatchObject({ code: '42501' })
  } finally {
    await queryOnce(testDatabase.superuserUrl, 'drop role tallystick_nobody')
  }
})
