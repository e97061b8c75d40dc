/**
 * The thread that reads large bulks: it keeps the orders of each until they have been fetched in
 * slices, or are dropped. What it is asked and what it answers: bulk-reader.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { assert, present, unreachable } from '../../kernel/assert.ts'
import type { ReaderAnswer, ReaderQuestion, WorkerSetup } from './bulk-reader.ts'
import { createReadBulk, type BulkOrder } from './read-bulk.ts'

const port = present(parentPort, 'the port of a worker')
const { currencies }: WorkerSetup = workerData
const readBulk = createReadBulk(currencies)
const kept = new Map<number, BulkOrder[]>()

function answer(question: ReaderQuestion): ReaderAnswer['value'] {
  switch (question.kind) {
    case 'read': {
      const { buffer, byteOffset, byteLength } = question.bytes
      const result = readBulk(Buffer.from(buffer, byteOffset, byteLength))
      if ('refusal' in result) return result
      kept.set(question.bulk, result.orders)
      return { count: result.orders.length, isAtomic: result.isAtomic }
    }
    case 'slice': {
      const orders = kept.get(question.bulk)
      assert(orders, 'a bulk is fetched after it was read')
      return { orders: orders.slice(question.start, question.end) }
    }
    case 'drop':
      kept.delete(question.bulk)
      return {}
    default:
      return unreachable(question)
  }
}

port.on('message', (question: ReaderQuestion) => {
  let value: ReaderAnswer['value']
  try {
    value = answer(question)
  } catch (error) {
    value = { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  port.postMessage({ call: question.call, value } satisfies ReaderAnswer)
})
