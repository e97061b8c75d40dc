/**
 * Collects look-ups of concurrent requests into one query over a set of keys.
 *
 * Invariants: a look-up is answered by a query that was sent after it was asked for, so what was
 * committed before that is seen; nothing is kept between queries. Equal keys of one query are asked
 * for once. A query that fails fails all who wait for it, and nobody else.
 *
 * A lone look-up waits for the end of the present turn of the event loop and no longer. While a query
 * is under way, look-ups collect for the next one, and behind a query that had many it waits until
 * `paceMilliseconds` after it: what a query costs is then shared by more, where there are more.
 * `sizeMax` bounds a query, and what is beyond goes into the one after. A query that takes longer than
 * `patienceMilliseconds` (its connection may be dead) holds up nobody else: the next one goes beside
 * it, on another connection, up to `inFlightMax`.
 */
export interface BatchedLookupOptions<Value> {
  /** Finds what there is; absent keys are not in the map. */
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>
  patienceMilliseconds: number
  inFlightMax: number
  paceMilliseconds: number
  /** How many look-ups are many. */
  crowdSize: number
  sizeMax: number
}

interface Batch<Value> {
  byKey: Map<string, PromiseWithResolvers<Value | undefined>>
  /** Look-ups, those of equal keys included. */
  count: number
}

export function createBatchedLookup<Value>(
  options: BatchedLookupOptions<Value>,
): (key: string) => Promise<Value | undefined> {
  const { load, patienceMilliseconds, inFlightMax, paceMilliseconds, crowdSize, sizeMax } = options
  let waiting: Batch<Value> = { byKey: new Map(), count: 0 }
  let inFlight = 0
  let sentAt = -Infinity
  let sentCount = 0
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined

  function schedule(): void {
    if (isScheduled || waiting.count === 0 || inFlight >= inFlightMax) return
    const pace = sentCount >= crowdSize ? paceMilliseconds : 0
    const gap = inFlight > 0 ? patienceMilliseconds : pace
    const wait = sentAt + gap - performance.now()
    if (gap > 0 && wait > 0) {
      timer ??= setTimeout(onTimer, wait)
      return
    }
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      void send()
      schedule()
    })
  }

  function onTimer(): void {
    timer = undefined
    schedule()
  }

  function stopTimer(): void {
    clearTimeout(timer)
    timer = undefined
  }

  function takeBatch(): Batch<Value> {
    const all = waiting
    if (all.byKey.size <= sizeMax) {
      waiting = { byKey: new Map(), count: 0 }
      return all
    }
    const entries = [...all.byKey]
    const byKey = new Map(entries.slice(0, sizeMax))
    waiting = { byKey: new Map(entries.slice(sizeMax)), count: entries.length - sizeMax }
    return { byKey, count: sizeMax }
  }

  async function send(): Promise<void> {
    const { byKey, count } = takeBatch()
    inFlight += 1
    sentAt = performance.now()
    sentCount = count
    stopTimer()
    try {
      const found = await load([...byKey.keys()])
      for (const [key, { resolve }] of byKey) resolve(found.get(key))
    } catch (error) {
      for (const { reject } of byKey.values()) reject(error)
    } finally {
      inFlight -= 1
      // It may have waited for a query that was taken for lost.
      stopTimer()
      schedule()
    }
  }

  return (key) => {
    waiting.count += 1
    const known = waiting.byKey.get(key)
    if (known !== undefined) return known.promise
    const own = Promise.withResolvers<Value | undefined>()
    waiting.byKey.set(key, own)
    schedule()
    return own.promise
  }
}
