import { describe, expect, test } from 'vitest'
import { feed, type Feed } from './feeder.ts'
import { createWindow } from './window.ts'

const sliceSize = 3
const limits = () => ({ window: createWindow(() => 4).of('one'), sliceSize })
const orders = (count: number) => Array.from({ length: count }, (_, index) => `order ${index}`)
const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** A feed of so many orders whose outcomes are their own texts. */
function feedOf(
  count: number,
  change: Partial<Feed<string, string, string[]>> = {},
): Feed<string, string, string[]> {
  return {
    count,
    fetch: async (start, end) => orders(count).slice(start, end),
    nameOf: () => undefined,
    post: async (order) => order,
    finish: (outcomes) => [...outcomes],
    ...change,
  }
}

describe('a feed', () => {
  test.each([1, 3, 4, 10, 12])('answers %i orders in their order', async (count) => {
    const answers = await feed(feedOf(count), limits())
    expect(answers.flat()).toEqual(orders(count))
    expect(answers).toHaveLength(Math.ceil(count / sliceSize))
  })

  test('begins orders in their order and never more than the window at a time', async () => {
    const begun: string[] = []
    let [under, most] = [0, 0]
    await feed(
      feedOf(20, {
        async post(order) {
          begun.push(order)
          under += 1
          most = Math.max(most, under)
          await nextTurn()
          under -= 1
          return order
        },
      }),
      limits(),
    )
    expect(begun).toEqual(orders(20))
    expect(most).toBe(4)
  })

  test('goes on beside an order that takes long, as far as the window lets it', async () => {
    const gate = Promise.withResolvers<void>()
    const begun: string[] = []
    const all = feed(
      feedOf(20, {
        async post(order) {
          begun.push(order)
          if (order === 'order 0') await gate.promise
          return order
        },
      }),
      limits(),
    )
    while (begun.length < 20) await nextTurn()
    gate.resolve()
    expect((await all).flat()).toEqual(orders(20))
  })

  test('feeds that share a window take turns in it', async () => {
    const shared = { window: createWindow(() => 4).of('one'), sliceSize }
    const log: string[] = []
    const run = (name: string) =>
      feed(
        feedOf(12, {
          async post(order) {
            log.push(name)
            await nextTurn()
            return order
          },
        }),
        shared,
      )
    await Promise.all([run('one'), run('two')])
    // Whoever comes first fills the window; from then on each gets every second place.
    const middle = log.slice(4, 16)
    expect(middle.filter((name) => name === 'two').length).toBeGreaterThanOrEqual(5)
    expect(log).toHaveLength(24)
  })

  test('orders of one name are begun one after the other, whatever comes between', async () => {
    const log: string[] = []
    await feed(
      feedOf(6, {
        nameOf: (_, index) => (index % 2 === 0 ? 'even' : undefined),
        async post(order, index) {
          log.push(`begin ${index}`)
          await nextTurn()
          log.push(`end ${index}`)
          return order
        },
      }),
      { window: createWindow(() => 10).of('one'), sliceSize },
    )
    const even = log.filter((line) => ['0', '2', '4'].includes(line.at(-1) ?? ''))
    expect(even).toEqual(['begin 0', 'end 0', 'begin 2', 'end 2', 'begin 4', 'end 4'])
  })

  test.each<[string, Partial<Feed<string, string, string[]>>]>([
    [
      'fetching',
      {
        fetch: async (start, end) => {
          if (start > 0) throw new Error('broken')
          return orders(9).slice(start, end)
        },
      },
    ],
    [
      'posting',
      {
        post: async (order, index) => {
          if (index === 6) throw new Error('broken')
          return order
        },
      },
    ],
    [
      'finishing',
      {
        finish: (outcomes, start) => {
          if (start === 3) throw new Error('broken')
          return [...outcomes]
        },
      },
    ],
  ])('that breaks while %s rejects once all that was begun is over', async (_, change) => {
    let under = 0
    const { post = async (order: string) => order } = change
    const broken = feed(
      feedOf(9, {
        ...change,
        async post(order, index) {
          under += 1
          for (let turns = 0; turns < (index % 3) * 5; turns += 1) await nextTurn()
          try {
            return await post(order, index)
          } finally {
            under -= 1
          }
        },
      }),
      limits(),
    )
    await expect(broken).rejects.toThrow('broken')
    expect(under).toBe(0)
  })
})
