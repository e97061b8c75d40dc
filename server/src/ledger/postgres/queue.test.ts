import {
  array,
  assert,
  constant,
  constantFrom,
  oneof,
  property,
  record,
  uniqueArray,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createQueue, type QueueItem, type Taken } from './queue.ts'

interface Item extends QueueItem {
  number: number
}

const bounds = { queueMax: 100, batchMax: 10, callerTurnMax: 3 }
let count = 0

function item(accountIds: string[], caller = 'one', deadline = Infinity, weight = 1): Item {
  count += 1
  return { number: count, caller, accountIds, deadline, weight }
}

function offered(options: Partial<typeof bounds>, items: Item[]) {
  const queue = createQueue<Item>({ ...bounds, ...options })
  for (const each of items) expect(queue.offer(each)).toBe(true)
  return queue
}

describe('the queue', () => {
  it('puts all items of one account into one batch, in order of arrival', () => {
    const items = [item(['a', 'b']), item(['b', 'c']), item(['a', 'c'])]
    expect(offered({}, items).take().items).toEqual(items)
  })

  it('keeps an account of a batch in flight out of all others until it is released', () => {
    const [first, second, other] = [item(['a']), item(['a']), item(['b'])]
    const queue = offered({}, [first])
    const inFlight = queue.take()
    expect(inFlight.items).toEqual([first])
    queue.offer(second)
    queue.offer(other)
    expect(queue.take().items).toEqual([other])
    expect(queue.take().items).toEqual([])
    inFlight.release()
    expect(queue.take().items).toEqual([second])
    // Whoever has released an account has no more say about it.
    queue.offer(item(['a']))
    inFlight.release()
    expect(queue.take().items).toEqual([])
  })

  it('opens the accounts that a batch is done with, and keeps those that it still needs', () => {
    const [inFlight, free, needed] = [item(['a', 'b']), item(['a']), item(['b'])]
    const queue = offered({}, [inFlight])
    const batch = queue.take()
    queue.offer(free)
    queue.offer(needed)
    batch.release(new Set(['b']))
    expect(queue.take().items).toEqual([free])
    expect(queue.take().items).toEqual([])
    batch.release()
    expect(queue.take().items).toEqual([needed])
  })

  it('lets nobody overtake on an account, not even past an item that waits for another one', () => {
    const [inFlight, waits, behind] = [item(['a']), item(['a', 'b']), item(['b'])]
    const queue = offered({}, [inFlight])
    const { release } = queue.take()
    queue.offer(waits)
    queue.offer(behind)
    expect(queue.take().items).toEqual([])
    release()
    expect(queue.take().items).toEqual([waits, behind])
  })

  it('gives callers turns, so that a bulk takes one chunk a round', () => {
    const bulk = Array.from({ length: 8 }, (_, index) => item([`bulk-${index}`], 'bulk'))
    const single = item(['single'], 'single')
    const batch = offered({}, [...bulk, single]).take().items
    expect(batch.indexOf(single)).toBe(bounds.callerTurnMax)
    expect(batch).toHaveLength(9)
  })

  it('continues with the next caller in the next batch', () => {
    const bulk = Array.from({ length: 8 }, (_, index) => item([`bulk-${index}`], 'bulk'))
    const single = item(['single'], 'single')
    const queue = offered({ batchMax: 3 }, [...bulk, single])
    expect(queue.take().items).not.toContain(single)
    expect(queue.take().items).toContain(single)
  })

  it('counts an item for its weight, and one that does not fit any more leads the next batch', () => {
    const heavy = (caller: string) => item([caller], caller, Infinity, 4)
    const [first, second, light, third] = [heavy('a'), heavy('b'), item(['c'], 'c'), heavy('d')]
    const queue = offered({}, [first, second, light, third])
    expect(queue.size).toBe(13)
    expect(queue.take().items).toEqual([first, second, light])
    expect(queue.size).toBe(4)
    expect(queue.take().items).toEqual([third])
    expect(queue.size).toBe(0)
  })

  it('takes what is heavier than a batch by itself', () => {
    const items = [item(['a']), item(['b'], 'one', Infinity, 30), item(['c'])]
    const queue = offered({}, items)
    const taken = Array.from({ length: 3 }, () => queue.take().items)
    expect(taken).toEqual(items.map((each) => [each]))
  })

  it('is full by weight', () => {
    const queue = offered({ queueMax: 5 }, [item(['a'], 'one', Infinity, 4)])
    expect(queue.offer(item(['b'], 'one', Infinity, 2))).toBe(false)
    expect(queue.offer(item(['b']))).toBe(true)
  })

  it('takes no more than it may hold', () => {
    const queue = offered({ queueMax: 2 }, [item(['a']), item(['b'])])
    expect(queue.offer(item(['c']))).toBe(false)
    queue.take()
    expect(queue.offer(item(['c']))).toBe(true)
  })

  it('gives up what is past its deadline, and what was behind it may leave', () => {
    const [late, behind] = [item(['a'], 'one', 10), item(['a'], 'one', 30)]
    const queue = offered({}, [late, behind])
    expect(queue.earliestDeadline()).toBe(10)
    expect(queue.expire(20)).toEqual([late])
    expect(queue.earliestDeadline()).toBe(30)
    expect(queue.size).toBe(1)
    expect(queue.take().items).toEqual([behind])
  })

  it('whatever happens: every item leaves once, in order per account, into one batch at a time', () => {
    const accounts = uniqueArray(constantFrom('a', 'b', 'c', 'd'), { maxLength: 2 })
    const step = oneof(
      record({
        kind: constant('offer'),
        accounts,
        caller: constantFrom('x', 'y'),
        weight: constantFrom(1, 1, 1, 2, 3, 4),
      }),
      record({ kind: constantFrom('take', 'release') }),
    )
    assert(
      property(array(step, { maxLength: 80 }), (steps) => {
        const queue = createQueue<Item>({ queueMax: 400, batchMax: 3, callerTurnMax: 2 })
        const flights: Taken<Item>[] = []
        const left: Item[] = []
        let offeredCount = 0

        function take(): void {
          const taken = queue.take()
          const batch = taken.items
          const inFlight = flights.flatMap(({ items }) => items)
          const busy = new Set(inFlight.flatMap(({ accountIds }) => accountIds))
          const shared = batch.flatMap(({ accountIds }) => accountIds).filter((id) => busy.has(id))
          expect(shared).toEqual([])
          const weight = batch.reduce((sum, each) => sum + each.weight, 0)
          expect(weight <= 3 || batch.length === 1).toBe(true)
          left.push(...batch)
          if (batch.length > 0) flights.push(taken)
        }

        for (const each of steps) {
          if ('accounts' in each) {
            offeredCount += 1
            queue.offer(item(each.accounts, each.caller, Infinity, each.weight))
          } else if (each.kind === 'take') take()
          else flights.shift()?.release()
        }
        for (let round = 0; round < 200 && queue.size > 0; round += 1) {
          take()
          flights.shift()?.release()
        }
        expect(left).toHaveLength(offeredCount)
        for (const account of ['a', 'b', 'c', 'd']) {
          const numbers = left.filter(({ accountIds }) => accountIds.includes(account))
          const inOrder = numbers.toSorted((one, other) => one.number - other.number)
          expect(numbers).toEqual(inOrder)
        }
      }),
    )
  })
})
