import { expect, test } from 'vitest'
import { createUuidSource } from '../../kernel/ids.ts'
import type { TransferInstruction } from '../engine.ts'
import { silentTelemetry } from '../telemetry.ts'
import type { Item } from './batch.ts'
import { createDispatcher } from './dispatcher.ts'

const newId = createUuidSource()

/** A transfer of somebody else each time, on accounts of its own. */
function instruction(): TransferInstruction {
  return {
    kind: 'transfer',
    authority: 'owner',
    principalId: newId(),
    idempotencyKey: { key: 'key', index: 0 },
    requestId: 'request',
    debit: { accountId: newId() },
    credit: { accountId: newId() },
    amount: 1,
    currency: 'EUR',
    description: null,
    reference: null,
    metadata: null,
  }
}

/** A dispatcher whose batches are answered when the test says so. */
function createBench({ batchesInFlight = 2, batchMax = 50 } = {}) {
  const batches: { size: number; end: () => void }[] = []
  const dispatch = createDispatcher({
    queue: { queueMax: 1000, batchMax, callerTurnMax: 50 },
    batchesInFlight,
    telemetry: silentTelemetry,
    runBatch(items: readonly Item[]) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const end = (): void => {
        const outcome = { kind: 'expired' } as const
        for (const item of items) item.resolve(outcome)
        resolve()
      }
      batches.push({ size: items.length, end })
      return promise
    },
  })
  return {
    batches,
    send: (count: number) => {
      for (let index = 0; index < count; index += 1) {
        const order = { instruction: instruction(), named: undefined, isDryRun: false }
        void dispatch(order, Infinity)
      }
    },
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what comes in one turn leaves together, at its end', async () => {
  const { batches, send } = createBench()
  send(3)
  expect(batches).toHaveLength(0)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([3])
})

test('beside a batch in flight the next one leaves when it has as many', async () => {
  const { batches, send } = createBench()
  send(3)
  await turn()
  send(2)
  await turn()
  expect(batches).toHaveLength(1)
  send(1)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([3, 3])
})

test('what waits for that leaves as soon as the batch in flight has ended', async () => {
  const { batches, send } = createBench()
  send(3)
  await turn()
  send(1)
  await turn()
  batches[0]?.end()
  await turn()
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([3, 1])
})

test('of a crowd each batch takes an equal share', async () => {
  const { batches, send } = createBench({ batchMax: 256 })
  send(200)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([100, 100])
})

test('the share stays, though the crowd comes back in parts', async () => {
  const { batches, send } = createBench({ batchMax: 256 })
  send(200)
  await turn()
  batches[0]?.end()
  batches[1]?.end()
  await turn()
  send(150)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([100, 100, 99])
})

test('a few dozen leave together', async () => {
  const { batches, send } = createBench({ batchMax: 256 })
  send(60)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([60])
})

test('a batch that takes long holds up nobody', async () => {
  const { batches, send } = createBench({ batchesInFlight: 3 })
  send(3)
  await turn()
  send(1)
  while (batches.length < 2) await turn()
  // Of two in flight that do not end, the small and young one is what counts.
  send(1)
  await turn()
  expect(batches.map(({ size }) => size)).toEqual([3, 1, 1])
})

test('no more than so many are in flight', async () => {
  const { batches, send } = createBench()
  send(1)
  await turn()
  send(1)
  await turn()
  send(20)
  await turn()
  expect(batches).toHaveLength(2)
})
