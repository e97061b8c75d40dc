import { describe, expect, it } from 'vitest'
import { createWorkLimit } from './work-limit.ts'

function createGate() {
  const order: string[] = []
  const open: (() => void)[] = []
  return {
    order,
    openNext: () => open.shift()?.(),
    work: (name: string) => async () => {
      order.push(name)
      await new Promise<void>((resolve) => open.push(resolve))
      return name
    },
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('createWorkLimit', () => {
  it('runs so many at once, the others in order of arrival, and gives each its own result', async () => {
    const gate = createGate()
    const limited = createWorkLimit({ concurrency: 2, queueSizeMax: 10, name: 'work' })
    const results = ['a', 'b', 'c', 'd'].map((name) => limited(gate.work(name)))
    await settled()
    expect(gate.order).toEqual(['a', 'b'])
    gate.openNext()
    await settled()
    expect(gate.order).toEqual(['a', 'b', 'c'])
    for (let count = 0; count < 3; count += 1) {
      gate.openNext()
      await settled()
    }
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('refuses as overloaded what is beyond the queue, without starting it', async () => {
    const gate = createGate()
    const limited = createWorkLimit({ concurrency: 1, queueSizeMax: 1, name: 'work' })
    const results = [limited(gate.work('a')), limited(gate.work('b'))]
    await expect(limited(gate.work('c'))).rejects.toMatchObject({ code: 'overloaded' })
    gate.openNext()
    await settled()
    gate.openNext()
    expect(await Promise.all(results)).toEqual(['a', 'b'])
    expect(gate.order).toEqual(['a', 'b'])
  })

  it('goes on after work that failed', async () => {
    const limited = createWorkLimit({ concurrency: 1, queueSizeMax: 1, name: 'work' })
    const failing = limited(() => Promise.reject(new Error('planted')))
    const next = limited(() => Promise.resolve('next'))
    await expect(failing).rejects.toThrow('planted')
    expect(await next).toBe('next')
    expect(await limited(() => Promise.resolve('later'))).toBe('later')
  })
})
