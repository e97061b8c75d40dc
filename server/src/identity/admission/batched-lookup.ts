/**
 * Collects look-ups of concurrent requests into one query over a set of keys.
 *
 * Invariants: a look-up is answered by a query that was sent after it was asked for, so what was
 * committed before that is seen; nothing is kept between queries. Equal keys of one query are asked
 * for once. A query that fails fails all who wait for it, and nobody else.
 *
 * A lone look-up waits for the end of the present turn of the event loop and no longer. While
 * `inFlightMax` queries are under way, look-ups collect for the next one, so that it grows with the
 * load; `sizeMax` bounds it, and what is beyond goes into the one after.
 */
export interface BatchedLookupOptions<Value> {
  /** Finds what there is; absent keys are not in the map. */
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>
  inFlightMax: number
  sizeMax: number
}

export function createBatchedLookup<Value>({
  load,
  inFlightMax,
  sizeMax,
}: BatchedLookupOptions<Value>): (key: string) => Promise<Value | undefined> {
  let waiting = new Map<string, PromiseWithResolvers<Value | undefined>>()
  let inFlight = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled || inFlight >= inFlightMax || waiting.size === 0) return
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
