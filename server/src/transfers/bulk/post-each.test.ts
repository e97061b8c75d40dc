import { expect, test } from 'vitest'
import { Fault } from '../../kernel/fault.ts'
import { postEach } from './post-each.ts'
import type { BulkWork } from './bulk-work.ts'
import { createWindow } from './window.ts'
import { useBulkWorld } from './testing.ts'

const { world, ledger } = useBulkWorld()

test.each([
  [0, 'overloaded'],
  [128, 'outcome_unknown'],
])('orders that cannot be fetched from %i on: %s', async (lost, code) => {
  const work = workOf(300, (start) => {
    if (start >= lost) throw new Fault('overloaded', 'a test')
  })
  await expect(postEach(work)).rejects.toMatchObject({ code })
  // The deposit apart.
  expect(world.bank.ledger.transfers()).toHaveLength(1 + lost)
})

test('a dry run that is abandoned ends, whatever is left of it', async () => {
  let [tried, fetched] = [0, 0]
  const work = workOf(8000, () => {
    fetched += 1
  })
  await postEach({
    ...work,
    isDryRun: true,
    isAbandoned: () => tried >= 200,
    ledger: {
      ...ledger,
      post(...order) {
        tried += 1
        return ledger.post(...order)
      },
    },
  })
  expect(tried).toBe(200)
  // Two slices were begun and the next was on its way.
  expect(fetched).toBe(3)
})

/** A bulk of so many like transfers from Alice to Bob. */
function workOf(count: number, onSlice: (start: number) => void): BulkWork {
  const { bank } = world
  const [from, to] = bank.ledger.accounts().filter(({ ownerId }) => ownerId !== null)
  if (!from || !to) throw new Error('the world has two accounts')
  const order = { fromAccountId: from.id, toAccountId: to.id, amount: 1, currency: 'EUR' }
  const words = { description: null, reference: null, metadata: null, key: null }
  return {
    ledger,
    principalId: bank.alice,
    requestId: 'req',
    key: bank.newUuid(),
    isDryRun: false,
    source: {
      count,
      isAtomic: false,
      async slice(start, end) {
        onSlice(start)
        return Array.from({ length: end - start }, () => ({ ...order, ...words }))
      },
      close: () => {},
    },
    window: createWindow(() => 128).of('alice'),
    isClosed: () => false,
    isAbandoned: () => false,
    reportDefect: () => {},
    serializeTransfer: () => '{}',
  }
}
