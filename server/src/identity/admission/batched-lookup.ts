/**
 * Collects look-ups of concurrent requests into one query over a set of keys.
 *
 * Invariants: a look-up is answered by a query that was sent after it was asked for, so what was
 * committed before that is seen; nothing is kept between queries. Equal keys of one query are asked
 * for once. A query that fails fails all who wait for it, and nobody else.
 *
 * A lone look-up waits for the end of the present turn of the event loop and no longer. While a query
 * is under way, look-ups collect for the next one, so that it grows with the load; `sizeMax` bounds
 * it, and what is beyond goes into the one after. A query that takes longer than
 * `patienceMilliseconds` (its connection may be dead) holds up nobody else: the next one goes beside
 * it, on another connection, up to `inFlightMax`.
 */
export interface BatchedLookupOptions<Value> {
  /** Finds what there is; absent keys are not in the map. */
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>
  patienceMilliseconds: number
  inFlightMax: number
  sizeMax: number
}

export function createBatchedLookup<Value>({
  load,
  patienceMilliseconds,
  inFlightMax,
  sizeMax,
}: BatchedLookupOptions<Value>): (key: string) => Promise<Value | undefined> {
  let waiting = new Map<string, PromiseWithResolvers<Value | undefined>>()
  let inFlight = 0
  let sentAt = 0
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined

  function schedule(): void {
    if (isScheduled || waiting.size === 0 || inFlight >= inFlightMax) return
    if (inFlight > 0 && performance.now() - sentAt < patienceMilliseconds) {
      timer ??= setTimeout(() => {
        timer = undefined
        schedule()
      }, patienceMilliseconds)
      return
    }
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      void send()
      schedule()
    })
  }

  function takeBatch(): typeof waiting {
    if (waiting.size <= sizeMax) {
      const all = waiting
      waiting = new Map()
      return all
    }
    const first = new Map([...waiting].slice(0, sizeMax))
    for (const key of first.keys()) waiting.delete(key)
    return first
  }

  async function send(): Promise<void> {
    const batch = takeBatch()
    inFlight += 1
    sentAt = performance.now()
    clearTimeout(timer)
    timer = undefined
    try {
      const found = await load([...batch.keys()])
      for (const [key, { resolve }] of batch) resolve(found.get(key))
    } catch (error) {
      for (const { reject } of batch.values()) reject(error)
    } finally {
      inFlight -= 1
      schedule()
    }
  }

  return (key) => {
    const known = waiting.get(key)
    if (known !== undefined) return known.promise
    const own = Promise.withResolvers<Value | undefined>()
    waiting.set(key, own)
    schedule()
    return own.promise
  }
}
