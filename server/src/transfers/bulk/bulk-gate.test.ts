import { expect, test } from 'vitest'
import { createBulkGate } from './bulk-gate.ts'

const limits = {
  bulksMax: 3,
  bulksOfUserMax: 2,
  bytesMax: 100,
  bytesOfUserMax: 80,
  smallBytesMax: 5,
}

test('lets in so many of one user, and so many in all', () => {
  const gate = createBulkGate(limits)
  const first = gate.enter('a', 6)
  expect(gate.enter('a', 6)).toBeDefined()
  expect(gate.enter('a', 6)).toBeUndefined()
  expect(gate.enter('b', 6)).toBeDefined()
  expect(gate.enter('c', 6)).toBeUndefined()
  first?.leave()
  // Who leaves twice has left once.
  first?.leave()
  expect(gate.enter('c', 6)).toBeDefined()
  expect(gate.enter('d', 6)).toBeUndefined()
})

test('lets in so many bytes of one user, and so many in all', () => {
  const gate = createBulkGate(limits)
  const first = gate.enter('a', 60)
  expect(gate.enter('a', 21)).toBeUndefined()
  expect(gate.enter('b', 41)).toBeUndefined()
  const second = gate.enter('b', 40)
  expect(gate.enter('c', 6)).toBeUndefined()
  first?.leave()
  expect(gate.enter('c', 60)).toBeDefined()
  second?.leave()
  expect(gate.enter('b', 41)).toBeUndefined()
  expect(gate.enter('b', 40)).toBeDefined()
})

test('what a body does not need of its place is free for others', () => {
  const gate = createBulkGate(limits)
  const first = gate.enter('a', 80)
  expect(gate.enter('a', 70)).toBeUndefined()
  first?.shrink(10)
  const second = gate.enter('a', 70)
  expect(second).toBeDefined()
  // Neither one that has left nor one that would grow changes anything.
  second?.leave()
  second?.shrink(6)
  first?.shrink(30)
  expect(gate.enter('a', 70)).toBeDefined()
  // A small one gives back its whole place.
  expect(gate.enter('a', 6)).toBeUndefined()
  first?.shrink(5)
  expect(gate.enter('a', 10)).toBeDefined()
  first?.leave()
  expect(gate.enter('a', 6)).toBeUndefined()
})

test('small bodies are not counted, and find no place taken by large ones', () => {
  const gate = createBulkGate(limits)
  for (let count = 0; count < 100; count += 1) expect(gate.enter('a', 5)).toBeDefined()
  expect(gate.enter('a', 40)).toBeDefined()
  expect(gate.enter('a', 40)).toBeDefined()
  expect(gate.enter('a', 6)).toBeUndefined()
  expect(gate.enter('a', 5)).toBeDefined()
})

test.each([5, 6])(
  'once closed lets nobody in, and is closed when all have left (of %i bytes)',
  async (bytes) => {
    const gate = createBulkGate(limits)
    const place = gate.enter('a', bytes)
    let isOver = false
    const closed = gate.close().then(() => {
      isOver = true
    })
    expect(gate.isClosed()).toBe(true)
    expect(gate.enter('b', bytes)).toBeUndefined()
    await Promise.resolve()
    expect(isOver).toBe(false)
    place?.leave()
    await closed
    await gate.close()
  },
)
