import { expect, test } from 'vitest'
import { createWindow } from './window.ts'

const settle = () => new Promise(setImmediate)

test('callers take turns, whoever of them waits first and however many wait of one', async () => {
  const window = createWindow(() => 1)
  const order: string[] = []
  const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map(async (name) => {
    const mine = window.of(name.slice(0, 1))
    await mine.enter()
    order.push(name)
    await new Promise(setImmediate)
    mine.leave()
  })
  await Promise.all(all)
  expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
})

test('what has left is free again for as many', () => {
  const window = createWindow(() => 2)
  for (let round = 0; round < 3; round += 1) {
    expect(window.of('a').enter()).toBeUndefined()
    expect(window.of('b').enter()).toBeUndefined()
    window.of('a').leave()
    window.of('b').leave()
  }
})

test('one that shrinks lets nobody in until enough have left, and one that grows lets in as many', async () => {
  let size = 3
  const window = createWindow(() => size)
  const mine = window.of('a')
  for (let count = 0; count < 3; count += 1) expect(mine.enter()).toBeUndefined()
  size = 2
  const entered: number[] = []
  const waits = [1, 2, 3, 4].map(async (number) => {
    await mine.enter()
    entered.push(number)
  })
  mine.leave()
  await settle()
  expect(entered).toEqual([])
  mine.leave()
  await settle()
  expect(entered).toEqual([1])
  size = 4
  mine.leave()
  await settle()
  expect(entered).toEqual([1, 2, 3, 4])
  await Promise.all(waits)
})
