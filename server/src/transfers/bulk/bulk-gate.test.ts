import { expect, test } from 'vitest'
import { createBulkGate } from './bulk-gate.ts'

const limits = { bulksMax: 3, bulksOfUserMax: 2 }

test('lets in so many of one user, and so many in all', () => {
  const gate = createBulkGate(limits)
  const first = gate.enter('a')
  expect(gate.enter('a')).toBeDefined()
  expect(gate.enter('a')).toBeUndefined()
  expect(gate.enter('b')).toBeDefined()
  expect(gate.enter('c')).toBeUndefined()
  first?.()
  // Who leaves twice has left once.
  first?.()
  expect(gate.enter('c')).toBeDefined()
  expect(gate.enter('d')).toBeUndefined()
})

test('once closed lets nobody in, and is closed when all have left', async () => {
  const gate = createBulkGate(limits)
  const leave = gate.enter('a')
  let isOver = false
  const closed = gate.close().then(() => {
    isOver = true
  })
  expect(gate.isClosed()).toBe(true)
  expect(gate.enter('b')).toBeUndefined()
  await Promise.resolve()
  expect(isOver).toBe(false)
  leave?.()
  await closed
  await gate.close()
})
