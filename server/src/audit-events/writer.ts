/**
 * Writes events that no tx causes (refusals of access, failed logins) without holding up whoever met
 * them, and without letting a stranger fill the database.
 *
 * - `record` puts an event into memory; one INSERT per `intervalMilliseconds` writes what has come.
 * - In each window (`windowMilliseconds`) so many are written one by one: of each signed-in user, and
 *   of all strangers together, so that a stranger crowds out no user. Beyond that equal ones are
 *   counted, and one row for each kind of them, with its count, ends the window.
 * - Two events are equal in kind, code, actor and subject. Of these there are at most `groupsMax` in a
 *   window; beyond that, actor and subject are given up, so that memory and rows are bounded.
 *
 * A write that fails is tried again at the next interval: nothing is dropped but the details of what
 * no longer fits, which is counted. What is in memory when the process is killed is lost; a stop
 * writes it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { assert } from '../kernel/assert.ts'
import type { AuditEvent } from './event.ts'

export interface AuditWriter {
  /** Takes an event on; never throws and never waits. */
  record(event: AuditEvent): void
}

/** A row to be written: an event, and how many there were of it. */
export type CountedEvent = AuditEvent & { count: number }

/** What a writer tells of its work, for metrics. Called often: must not throw. */
export interface AuditWriterTelemetry {
  /** An event came. `counted`: it only adds to the count of equal ones. */
  recorded(kept: 'whole' | 'counted'): void
  /** How many rows are in memory now. */
  waiting(rows: number): void
  written(rows: number): void
  failed(): void
}

export interface RunningAuditWriter extends AuditWriter {
  /** Writes again and again until `stop`. */
  start(): void
  /** Writes what there is now, counts included where their window is over. */
  flush(): Promise<void>
  /** Writes all there is, once, and resolves when nothing of it runs any more. */
  stop(): Promise<void>
}

export interface AuditWriterOptions {
  write: (events: readonly CountedEvent[]) => Promise<void>
  /** Told of each failure to write. */
  onError: (error: unknown) => void
  telemetry?: AuditWriterTelemetry
  /** Milliseconds on a clock that only grows. */
  now?: () => number
  intervalMilliseconds?: number
  windowMilliseconds?: number
  perActorMax?: number
  strangersMax?: number
  groupsMax?: number
  /** How many whole events wait in memory while the database does not take them. */
  pendingMax?: number
}

const noTelemetry: AuditWriterTelemetry = {
  recorded: () => undefined,
  waiting: () => undefined,
  written: () => undefined,
  failed: () => undefined,
}

const defaults = {
  telemetry: noTelemetry,
  now: () => performance.now(),
  intervalMilliseconds: 1_000,
  windowMilliseconds: 60_000,
  perActorMax: 60,
  strangersMax: 120,
  groupsMax: 500,
  pendingMax: 5_000,
}

export function createAuditWriter(given: AuditWriterOptions): RunningAuditWriter {
  const options = { ...defaults, ...given }
  const { write, onError, telemetry, now } = options
  const { windowMilliseconds, pendingMax, groupsMax } = options
  assert(options.intervalMilliseconds > 0 && windowMilliseconds > 0, 'the times are positive')
  let pending: CountedEvent[] = []
  const counts = new Map<string, CountedEvent>()
  const written = new Map<string, number>()
  let windowEnd = now() + windowMilliseconds
  let work: { stopping: AbortController; done: Promise<void> } | undefined

  function mayWriteOne({ actorId }: AuditEvent): boolean {
    if (pending.length >= pendingMax) return false
    // As many users as that in one window are a flood too.
    const isCrowd = actorId !== null && written.size >= groupsMax && !written.has(actorId)
    const source = actorId === null || isCrowd ? '' : actorId
    const sofar = written.get(source) ?? 0
    if (sofar >= (source === '' ? options.strangersMax : options.perActorMax)) return false
    written.set(source, sofar + 1)
    return true
  }

  /** Adds to the count of equal ones; what tells two of them apart is not kept. */
  function addCount({ count, ...event }: CountedEvent): void {
    const code = event.facts?.['code']
    const facts = code === undefined ? {} : { code }
    const whole: AuditEvent = { ...event, facts, requestId: null }
    const isRoom = counts.size < groupsMax || counts.has(keyOf(whole))
    const group = isRoom ? whole : { ...whole, actorId: null, subject: null }
    const known = counts.get(keyOf(group))
    counts.set(keyOf(group), { ...group, count: (known?.count ?? 0) + count })
  }

  function endWindow(): void {
    if (pending.length < pendingMax) {
      pending.push(...counts.values())
      counts.clear()
    }
    written.clear()
    windowEnd = now() + windowMilliseconds
  }

  async function flush(): Promise<void> {
    if (now() >= windowEnd) endWindow()
    const events = pending
    if (events.length === 0) return
    pending = []
    try {
      await write(events)
    } catch (error) {
      const room = Math.max(0, pendingMax - pending.length)
      pending = [...events.slice(0, room), ...pending]
      for (const event of events.slice(room)) addCount(event)
      telemetry.failed()
      tellWaiting()
      return onError(error)
    }
    telemetry.written(events.length)
    tellWaiting()
  }

  function tellWaiting(): void {
    telemetry.waiting(pending.length + counts.size)
  }

  async function flushUntil({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await flush()
      // The timer alone is no reason for the process to live on; an abort ends it early.
      const wait = { signal, ref: false }
      await delay(options.intervalMilliseconds, undefined, wait).catch(() => undefined)
    }
  }

  return {
    record(event) {
      const counted = { ...event, count: 1 }
      const isWhole = mayWriteOne(event)
      if (isWhole) pending.push(counted)
      else addCount(counted)
      telemetry.recorded(isWhole ? 'whole' : 'counted')
      tellWaiting()
    },
    flush,
    start() {
      if (work !== undefined) return
      const stopping = new AbortController()
      work = { stopping, done: flushUntil(stopping) }
    },
    async stop() {
      work?.stopping.abort()
      await work?.done
      work = undefined
      pending.push(...counts.values())
      counts.clear()
      await flush()
    },
  }
}

function keyOf({ kind, facts, actorId, subject }: AuditEvent): string {
  return JSON.stringify([kind, facts?.['code'], actorId, subject?.prefix, subject?.id])
}
