import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryBuckets } from './memory-buckets.ts'

const rate = { count: 3, periodMilliseconds: 3_000 }

function createClocked(bucketsMax?: number) {
  const clock = { now: 1_000 }
  const options = { now: () => clock.now, ...(bucketsMax !== undefined && { bucketsMax }) }
  return { clock, buckets: createMemoryBuckets(options) }
}

test('a bucket gives what it holds, and one more after each part of its period', () => {
  const { clock, buckets } = createClocked()
  const take = () => buckets.take('a', rate)
  expect([take(), take(), take()].map(({ remaining }) => remaining)).toEqual([2, 1, 0])
  expect(take()).toEqual({
    isAllowed: false,
    remaining: 0,
    waitMilliseconds: 1_000,
    fullMilliseconds: 3_000,
  })
  clock.now += 900
  expect(take()).toMatchObject({ isAllowed: false, waitMilliseconds: 100 })
  clock.now += 100
  expect(take()).toMatchObject({ isAllowed: true, remaining: 0 })
  clock.now += 60_000
  expect(take()).toMatchObject({ isAllowed: true, remaining: 2 })
})

test('buckets of different keys do not touch', () => {
  const { buckets } = createClocked()
  for (let count = 0; count < 5; count += 1) buckets.take('a', rate)
  expect(buckets.take('b', rate)).toMatchObject({ isAllowed: true, remaining: 2 })
})

test('however it is asked, no period has more than twice the count, and the wait is the truth', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1_000, max: 100_000 }),
      fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 }),
      (count, periodMilliseconds, pauses) => {
        const { clock, buckets } = createClocked()
        const taken: number[] = []
        for (const pause of pauses) {
          clock.now += pause
          const first = buckets.take('a', { count, periodMilliseconds })
          clock.now += first.waitMilliseconds * Number(!first.isAllowed)
          const taking = first.isAllowed ? first : buckets.take('a', { count, periodMilliseconds })
          expect(taking.isAllowed).toBe(true)
          taken.push(clock.now)
          const recent = taken.filter((moment) => moment > clock.now - periodMilliseconds)
          expect(recent.length).toBeLessThanOrEqual(2 * count)
        }
      },
    ),
  )
})

test('a flood of keys makes the ones that were made first go, and no more than there is room for', () => {
  const { buckets } = createClocked(100)
  for (let count = 0; count < 3; count += 1) buckets.take('last', rate)
  expect(buckets.take('last', rate).isAllowed).toBe(false)
  for (let key = 0; key < 99; key += 1) buckets.take(`flood ${key}`, rate)
  expect(buckets.take('last', rate).isAllowed).toBe(false)
  buckets.take('one more', rate)
  expect(buckets.take('last', rate).isAllowed).toBe(true)
})
