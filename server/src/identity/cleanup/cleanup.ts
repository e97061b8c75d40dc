/**
 * Cleans up after sessions, links and challenges: every hour, in pieces with pauses of four times
 * their length, so that it takes a fifth of one connection at the most. What is left when the server
 * stops is left to the next time.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Uuid } from '../../kernel/ids.ts'
import { firstId, type CleanedUp, type CleanupStore, type Piece } from './store.ts'

export interface CleanupHooks {
  /** How many rows a piece took. */
  onRemoved: (what: CleanedUp, rows: number) => void
  onError: (error: unknown) => void
}

export interface Cleanup {
  /** Once through all of it, unless another server is at it. */
  run(): Promise<void>
  start(): void
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}

const intervalMilliseconds = 60 * 60_000

export function createCleanup({
  store,
  onRemoved,
  onError,
}: CleanupHooks & { store: CleanupStore }): Cleanup {
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  async function runPieces(
    what: CleanedUp,
    take: (from: Uuid) => Promise<Piece>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let from: Uuid | undefined = firstId
    while (from !== undefined) {
      if (signal?.aborted === true) return
      const started = performance.now()
      const { removed, next }: Piece = await take(from)
      if (removed > 0) onRemoved(what, removed)
      from = next
      if (next !== undefined) await pause(4 * (performance.now() - started), signal)
    }
  }

  async function run(signal?: AbortSignal): Promise<void> {
    await runPieces('session', (from) => store.removeSessions(from), signal)
    for (const what of ['mail_token', 'second_factor_challenge'] as const) {
      await runPieces(what, () => store.removeExpired(what), signal)
    }
  }

  async function runUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await run(signal).catch(onError)
      await pause(intervalMilliseconds, signal)
    }
  }

  return {
    run: () => run(),
    start() {
      if (work !== undefined) return
      const stopping = new AbortController()
      work = { stopping, done: runUntil(stopping) }
    },
    async stop() {
      work?.stopping.abort()
      await work?.done
      work = undefined
    },
  }
}

/** The timer alone is no reason for the process to live on; an abort ends it early. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined)
}
