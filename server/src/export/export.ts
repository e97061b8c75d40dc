/**
 * The export: all transfers of the bank, as text in chunks.
 *
 * The order is that of the sealed positions, which feeds follow too, so every export is the whole
 * book as it was at one moment: no transfer is missing before one that is there, in any account. The
 * end is fixed at the beginning; what is posted meanwhile is left to the next one.
 *
 * Bounds: 2,000 transfers or one batch in memory, in statements of their own: a long snapshot would
 * keep vacuum from the rows of hot accounts. The next chunk is read when the one before it is taken,
 * so a slow reader slows the reading and nothing else.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { assert, unreachable } from '../kernel/assert.ts'
import { createCsvFormat } from './csv.ts'
import type { ExportFormat, FormatName } from './format.ts'
import { createHledgerFormat } from './hledger.ts'
import { createNdjsonFormat } from './ndjson.ts'
import type { ExportStore } from './store.ts'

export { createExportStore } from './store.ts'
export { formatNames, type FormatName } from './format.ts'

const defaultTransfersPerChunk = 2_000
const accountsPerChunk = 5_000
const sealTriesMax = 100
const sealPauseMilliseconds = 50

export interface ExportProgress {
  transferCount: number
  /** How far it has come, and how far it goes. */
  position: number
  lastPosition: number
}

export interface ExportOptions {
  store: ExportStore
  format: FormatName
  /** Gives positions to what waits for them; resolves with how many batches. */
  seal: () => Promise<number>
  /** BANK_TIME_ZONE: decides days, where a format has them. */
  timeZone: string
  /** Told after each chunk. */
  onProgress: (progress: ExportProgress) => void
  /** Told when what was posted last could not be given its place, and so is left out. */
  onUnsealed: () => void
  /** 2,000 when not given. */
  transfersPerChunk?: number
}

/** Everything that was posted before the first chunk is asked for. Throws what the database does. */
export async function* exportTransfers(options: ExportOptions): AsyncGenerator<string> {
  const { store, onProgress, onUnsealed } = options
  const size = options.transfersPerChunk ?? defaultTransfersPerChunk
  if (!(await sealAll(options))) onUnsealed()
  const lastPosition = await store.lastPosition()
  const format = createFormat(options, lastPosition)
  yield format.head()
  if (format.account) yield* writeAccounts(store, format.account)
  if (format.opening) yield format.opening()
  let position = 0
  let transferCount = 0
  while (position < lastPosition) {
    const until = await chunkEnd(store, position, lastPosition, size)
    const transfers = await store.listTransfers({ after: position, until })
    position = until
    transferCount += transfers.length
    yield transfers.map(format.transfer).join('')
    onProgress({ transferCount, position, lastPosition })
  }
}

function createFormat({ format, timeZone }: ExportOptions, position: number): ExportFormat {
  switch (format) {
    case 'hledger':
      return createHledgerFormat({ position, timeZone })
    case 'csv':
      return createCsvFormat()
    case 'ndjson':
      return createNdjsonFormat()
    default:
      return unreachable(format)
  }
}

/** Whether all that is visible now has its position: another server may be at it, a standby cannot. */
async function sealAll({ store, seal }: ExportOptions): Promise<boolean> {
  const newest = await store.newestBatch()
  if (newest === undefined) return true
  for (let tries = 1; tries <= sealTriesMax; tries += 1) {
    if (!(await store.hasUnsealed(newest))) return true
    if ((await seal()) === 0) await delay(sealPauseMilliseconds)
  }
  return false
}

async function* writeAccounts(
  store: ExportStore,
  write: NonNullable<ExportFormat['account']>,
): AsyncGenerator<string> {
  for (let after: string | undefined; ;) {
    const accounts = await store.listAccounts({ after, limit: accountsPerChunk })
    const last = accounts.at(-1)
    if (last === undefined) return
    yield accounts.map(write).join('')
    after = last.id
  }
}

/** The position up to which there are about as many transfers as a chunk may have; one batch at least. */
async function chunkEnd(
  store: ExportStore,
  after: number,
  until: number,
  size: number,
): Promise<number> {
  const batches = await store.listBatches({ after, until, limit: size })
  let end: number | undefined
  let transferCount = 0
  for (const batch of batches) {
    transferCount += batch.transferCount
    if (end !== undefined && transferCount > size) break
    end = batch.position
  }
  assert(end !== undefined, 'positions have no gap')
  return end
}
