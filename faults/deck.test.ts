import { expect, test } from 'vitest'
import { createDeck } from './deck.ts'
import type { Fault } from './fault.ts'
import { createRandom } from './random.ts'

const faults: Fault[] = ['a', 'b', 'c', 'd', 'e'].map((name) => ({
  name,
  description: name,
  inject: () => Promise.resolve(),
}))

function deal(seed: number, count: number): (string | undefined)[] {
  const deck = createDeck(faults, createRandom(seed))
  return Array.from({ length: count }, () => deck.next()?.name)
}

test('the same seed deals the same faults, another seed others', () => {
  expect(deal(7, 20)).toEqual(deal(7, 20))
  expect(deal(7, 20)).not.toEqual(deal(8, 20))
})

test('every fault comes equally often, in an order that changes', () => {
  const rounds = [0, 5, 10].map((start) => deal(7, 15).slice(start, start + 5))
  const all = new Set(faults.map(({ name }) => name))
  for (const round of rounds) expect(new Set(round)).toEqual(all)
  expect(new Set(rounds.map((round) => round.join())).size).toBeGreaterThan(1)
})

test('what is removed comes no more, and of none there is none', () => {
  const deck = createDeck(faults, createRandom(1))
  for (const fault of faults.slice(1)) deck.remove(fault)
  for (let count = 0; count < 5; count += 1) deck.next()
  expect(deck.next()?.name).toBe('a')
  for (const fault of faults) deck.remove(fault)
  expect(deck.next()).toBeUndefined()
})

test('a fork draws the same whatever was drawn before', () => {
  const [one, other] = [createRandom(3), createRandom(3)]
  one.fraction()
  expect(one.fork('line 1').fraction()).toBe(other.fork('line 1').fraction())
  expect(one.fork('line 1').fraction()).not.toBe(one.fork('line 2').fraction())
})
