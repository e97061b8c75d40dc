import { expect, test } from 'vitest'
import { createPool } from './pool.ts'
import { createRandom } from './random.ts'

const from = { id: 'acct_a', token: 'a' }
const to = { id: 'acct_b', token: 'b' }

test('nothing is asked for twice with the same amount, so that each is known by its content', () => {
  const random = createRandom(1)
  const pool = createPool()
  for (let count = 0; count < 50; count += 1) {
    pool.add({ id: `hold_${count}`, from, to, amount: 100 + count })
  }
  const asked: string[] = []
  for (let taken = pool.take(random); taken; taken = pool.take(random)) {
    expect(taken.amount).toBeGreaterThan(0)
    asked.push(`${taken.item.id} ${taken.amount}`)
  }
  expect(asked.length).toBeGreaterThan(50)
  expect(new Set(asked).size).toBe(asked.length)
})

test('each is taken once at most by those who may only do it once', () => {
  const random = createRandom(2)
  const pool = createPool()
  for (const id of ['hold_1', 'hold_2', 'hold_3']) pool.add({ id, from, to, amount: 500 })
  const ids = Array.from({ length: 5 }, () => pool.takeOnce(random)?.id)
  expect(new Set(ids.slice(0, 3)).size).toBe(3)
  expect(ids.slice(3)).toEqual([undefined, undefined])
})
