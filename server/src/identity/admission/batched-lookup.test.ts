import { expect, test } from 'vitest'
import { createBatchedLookup } from './batched-lookup.ts'

/** Queries that are answered when the test says so. */
function createSource() {
  const queries: { keys: readonly string[]; answer: PromiseWithResolvers<void> }[] = []
  const waiters: (() => void)[] = []
  return {
    queries,
    load: async (keys: readonly string[]) => {
      const answer = Promise.withResolvers<void>()
      queries.push({ keys, answer })
      for (const wake of waiters.splice(0)) wake()
      await answer.promise
      return new Map(keys.filter((key) => key !== 'absent').map((key) => [key, `of ${key}`]))
    },
    async sent(count: number): Promise<void> {
      while (queries.length < count) await new Promise<void>((resolve) => waiters.push(resolve))
    },
  }
}

const limits = {
  patienceMilliseconds: 60_000,
  inFlightMax: 2,
  paceMilliseconds: 60_000,
  crowdSize: 100,
  sizeMax: 3,
}

test('look-ups of one turn are one query, equal keys once, and absent ones find nothing', async () => {
  const source = createSource()
  const find = createBatchedLookup({ load: source.load, ...limits })
  const found = Promise.all([find('a'), find('absent'), find('a')])
  await source.sent(1)
  source.queries[0]?.answer.resolve()
  expect(await found).toEqual(['of a', undefined, 'of a'])
  expect(source.queries.map(({ keys }) => keys)).toEqual([['a', 'absent']])
})

test('what is asked after a query was sent waits for the next one, also for the same key', async () => {
  const source = createSource()
  const find = createBatchedLookup({ load: source.load, ...limits })
  const first = find('a')
  await source.sent(1)
  const second = find('a')
  source.queries[0]?.answer.resolve()
  expect(await first).toBe('of a')
  await source.sent(2)
  source.queries[1]?.answer.resolve()
  expect(await second).toBe('of a')
})

test('a set is bounded, and what is beyond goes into the one after', async () => {
  const source = createSource()
  const find = createBatchedLookup({ load: source.load, ...limits })
  const found = Promise.all(['a', 'b', 'c', 'd'].map(find))
  await source.sent(1)
  source.queries[0]?.answer.resolve()
  await source.sent(2)
  source.queries[1]?.answer.resolve()
  expect(await found).toEqual(['of a', 'of b', 'of c', 'of d'])
  expect(source.queries.map(({ keys }) => keys)).toEqual([['a', 'b', 'c'], ['d']])
})

test('a query that does not come back holds up no others, up to as many as are allowed', async () => {
  const source = createSource()
  const impatient = { ...limits, patienceMilliseconds: 1, sizeMax: 1 }
  const find = createBatchedLookup({ load: source.load, ...impatient })
  const found = Promise.all(['a', 'b', 'c'].map(find))
  await source.sent(2)
  await new Promise((resolve) => setImmediate(resolve))
  expect(source.queries).toHaveLength(2)
  for (const index of [0, 1, 2]) {
    await source.sent(index + 1)
    source.queries[index]?.answer.resolve()
  }
  expect(await found).toHaveLength(3)
})

test('a query that fails fails those who wait for it, and nobody after them', async () => {
  const source = createSource()
  const find = createBatchedLookup({ load: source.load, ...limits })
  const failing = Promise.allSettled([find('a'), find('b')])
  await source.sent(1)
  const later = find('a')
  source.queries[0]?.answer.reject(new Error('planted'))
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await source.sent(2)
  source.queries[1]?.answer.resolve()
  expect(await later).toBe('of a')
})

test('behind a query of many the next one is not sent at once, and takes along who comes until then', async () => {
  const source = createSource()
  const paced = { ...limits, paceMilliseconds: 20, crowdSize: 2 }
  const find = createBatchedLookup({ load: source.load, ...paced })
  // Equal keys are one key to the query and two look-ups that share it.
  const first = Promise.all([find('a'), find('a')])
  await source.sent(1)
  source.queries[0]?.answer.resolve()
  await first
  const second = find('b')
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(source.queries).toHaveLength(1)
  const third = find('c')
  await source.sent(2)
  source.queries[1]?.answer.resolve()
  expect(await Promise.all([second, third])).toEqual(['of b', 'of c'])
  expect(source.queries[1]?.keys).toEqual(['b', 'c'])
})

test('behind a query of few the next one is sent at once', async () => {
  const source = createSource()
  const find = createBatchedLookup({ load: source.load, ...limits, crowdSize: 2 })
  const first = find('a')
  await source.sent(1)
  source.queries[0]?.answer.resolve()
  await first
  const second = find('b')
  await source.sent(2)
  source.queries[1]?.answer.resolve()
  expect(await second).toBe('of b')
})
