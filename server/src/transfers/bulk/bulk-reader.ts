/**
 * Reads the bodies of bulks without holding the event loop: a body of up to `inlineBytesMax` at once,
 * where that takes a millisecond or two, and a larger one in a worker, from which its orders are
 * fetched slice by slice as they are needed.
 *
 *     bytes -> worker: scan, parse, validate -> count, or what is wrong -> slices of orders
 *
 * One worker reads for the whole server, one body after the other, many times faster than the ledger
 * posts. It starts with the first large body, and anew should it ever break: what it was reading is
 * then answered as `overloaded`, since nothing was done. Bounds: whoever calls bounds the bodies that
 * are open at one time (bulk-gate.ts); the worker's heap is bounded here.
 */
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { Defect } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import { Fault } from '../../kernel/fault.ts'
import { createReadBulk, type BulkOrder, type BulkRefusal, type ReadBulk } from './read-bulk.ts'

/** The orders of one bulk, to be fetched once and then closed. */
export interface BulkSource {
  count: number
  /** All or none. */
  isAtomic: boolean
  /** Faults when the worker has gone: nothing was done with the rest. */
  slice: (start: number, end: number) => Promise<BulkOrder[]>
  close(): void
}

export interface BulkReader {
  /** The bytes are the reader's from now on. */
  read(bytes: Buffer): Promise<BulkSource | { refusal: BulkRefusal }>
  stop(): Promise<void>
}

export interface WorkerSetup {
  currencies: readonly CurrencyCode[]
}

export type ReaderQuestion = { call: number; bulk: number } & (
  | { kind: 'read'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'slice'; start: number; end: number }
  | { kind: 'drop' }
)

export interface ReaderAnswer {
  call: number
  value: {
    refusal?: BulkRefusal
    count?: number
    isAtomic?: boolean
    orders?: BulkOrder[]
    defect?: string
  }
}

/** Up to this size a body is read at once, on the event loop. */
export const inlineBytesMax = 32 * 1024
const workerHeapLimits = { maxOldGenerationSizeMb: 512 }
/** Flags of the process win over the limits of a worker, so the server's own would hold for it too. */
const workerHeapFlags = '--initial-old-space-size=48 --max-semi-space-size=4'

export function createBulkReader(currencies: readonly CurrencyCode[]): BulkReader {
  let readInline: ReadBulk | undefined
  let thread: Thread | undefined
  let bulks = 0

  function readHere(bytes: Buffer): BulkSource | { refusal: BulkRefusal } {
    readInline ??= createReadBulk(currencies)
    const result = readInline(bytes)
    if ('refusal' in result) return result
    const { orders, isAtomic } = result
    return {
      count: orders.length,
      isAtomic,
      slice: async (start, end) => orders.slice(start, end),
      close: () => {},
    }
  }

  async function readThere(bytes: Buffer): Promise<BulkSource | { refusal: BulkRefusal }> {
    if (thread === undefined || thread.isGone()) thread = startThread({ currencies })
    const present = thread
    const ask = (question: Question) => present.ask(question)
    const bulk = ++bulks
    const {
      refusal,
      count = 0,
      isAtomic = false,
    } = await ask({ kind: 'read', bulk, bytes: own(bytes) })
    if (refusal) return { refusal }
    return {
      count,
      isAtomic,
      slice: async (start, end) => (await ask({ kind: 'slice', bulk, start, end })).orders ?? [],
      // A thread that has gone keeps nothing.
      close: () => void ask({ kind: 'drop', bulk }).catch(() => {}),
    }
  }

  return {
    read: async (bytes) => (bytes.length <= inlineBytesMax ? readHere(bytes) : readThere(bytes)),
    async stop() {
      await thread?.stop()
    },
  }
}

/** Bytes in memory of their own, which can be handed over; a copy where they share it. */
function own(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes)
}

type Question = ReaderQuestion extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'call'>
    : never
  : never

interface Thread {
  ask(question: Question): Promise<ReaderAnswer['value']>
  isGone(): boolean
  stop(): Promise<void>
}

function startThread(setup: WorkerSetup): Thread {
  // Read when a heap is set up: the server's has been.
  setFlagsFromString(workerHeapFlags)
  const worker = new Worker(new URL('bulk-worker.ts', import.meta.url), {
    workerData: setup,
    resourceLimits: workerHeapLimits,
  })
  // The server ends when its own work does; `stop` is for whoever wants to be sure.
  worker.unref()
  const waiting = new Map<number, PromiseWithResolvers<ReaderAnswer['value']>>()
  let calls = 0
  let isGone = false

  function end(cause?: unknown): void {
    isGone = true
    const fault = new Fault('overloaded', 'the reader of bulks has ended', { cause })
    for (const { reject } of waiting.values()) reject(fault)
    waiting.clear()
  }

  worker.on('message', ({ call, value }: ReaderAnswer) => {
    const asked = waiting.get(call)
    waiting.delete(call)
    if (value.defect === undefined) asked?.resolve(value)
    else asked?.reject(new Defect(`a bulk could not be read: ${value.defect}`))
  })
  worker.on('error', end)
  worker.on('exit', () => end())

  return {
    ask(question) {
      if (isGone) return Promise.reject(new Fault('overloaded', 'the reader of bulks has ended'))
      const call = ++calls
      const asked = Promise.withResolvers<ReaderAnswer['value']>()
      waiting.set(call, asked)
      const handedOver = question.kind === 'read' ? [question.bytes.buffer] : []
      worker.postMessage({ ...question, call }, handedOver)
      return asked.promise
    },
    isGone: () => isGone,
    async stop() {
      await worker.terminate()
    },
  }
}
