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
  const { from, to, alice, newUuid } = await accounts()
  const order = { fromAccountId: from, toAccountId: to, amount: 1, currency: 'EUR' }
  const words = { description: null, reference: null, metadata: null, key: null }
  const work: BulkWork = {
    ledger,
    principalId: alice,
    requestId: 'req',
    key: newUuid(),
    isDryRun: false,
    source: {
      count: 300,
      isAtomic: false,
      async slice(start, end) {
        if (start >= lost) throw new Fault('overloaded', 'a test')
        return Array.from({ length: end - start }, () => ({ ...order, ...words }))
      },
      close: () => {},
    },
    window: createWindow(128),
    isClosed: () => false,
    reportDefect: () => {},
    serializeTransfer: () => '{}',
  }
  await expect(postEach(work)).rejects.toMatchObject({ code })
  // The deposit apart.
  expect(world.bank.ledger.transfers()).toHaveLength(1 + lost)
})

async function accounts() {
  const { bank } = world
  const [from, to] = bank.ledger.accounts().filter(({ ownerId }) => ownerId !== null)
  if (!from || !to) throw new Error('the world has two accounts')
  return { from: from.id, to: to.id, alice: bank.alice, newUuid: bank.newUuid }
}
