/**
 * Feeds the orders of a bulk to the ledger with a bounded number under way at a time, so that no bulk
 * ever fills the ledger's queue: callers take turns there, and what others send finds its place.
 *
 * Orders are begun in their order, and those under one idempotency key one after the other, so that
 * the first of them is the one that counts. Whoever has sent the bulk may go away: it is fed to its
 * end. Answers come slice by slice, each when its last order is answered, in the order of the bulk.
 */
import type { Window } from './window.ts'

export interface Feed<Order, Outcome, Answer> {
  count: number
  /** Orders from `start` to before `end`. A rejection ends the feed, once what was begun is over. */
  fetch: (start: number, end: number) => Promise<readonly Order[]>
  /** Names orders of which the later must wait for the earlier; `undefined`: it waits for none. */
  nameOf: (order: Order, index: number) => string | undefined
  /** Never rejects for what is wrong with one order alone. */
  post: (order: Order, index: number) => Promise<Outcome>
  /** What is kept of a slice; runs as soon as all of it is answered. */
  finish: (outcomes: readonly Outcome[], start: number) => Answer
}

export interface FeedLimits {
  /** Orders under way at one time, of all feeds that share it. */
  window: Window
  /** Orders that are fetched, and finished, together. */
  sliceSize: number
}

/** A slice is fetched and finished in about a millisecond. */
export const sliceSizeDefault = 128

/** The answers of all slices. Rejects with the first failure, when all that was begun is over. */
export async function feed<Order, Outcome, Answer>(
  { count, fetch, nameOf, post, finish }: Feed<Order, Outcome, Answer>,
  { window, sliceSize }: FeedLimits,
): Promise<Answer[]> {
  let underWay = 0
  let onEmpty: (() => void) | undefined
  const lastOfName = new Map<string, Promise<Outcome>>()

  /** Begins one order, now or after the one before it of the same name. */
  function begin(order: Order, index: number): Promise<Outcome> {
    const name = nameOf(order, index)
    if (name === undefined) return post(order, index)
    const before = lastOfName.get(name)
    const outcome =
      before === undefined ? post(order, index) : before.then(() => post(order, index))
    lastOfName.set(name, outcome)
    return outcome
  }

  function end(): void {
    window.leave()
    underWay -= 1
    if (underWay === 0) onEmpty?.()
  }

  async function beginAll(orders: readonly Order[], start: number): Promise<Promise<Outcome>[]> {
    const outcomes: Promise<Outcome>[] = []
    for (const [place, order] of orders.entries()) {
      const turn = window.enter()
      // Most have a place at once; an `await` for nothing is a turn of the microtasks for each.
      if (turn) await turn
      underWay += 1
      const outcome = begin(order, start + place)
      outcome.then(end, end)
      outcomes.push(outcome)
    }
    return outcomes
  }

  const answers: Promise<Answer>[] = []
  try {
    let next = watched(fetch(0, sliceSize))
    for (let start = 0; start < count; start += sliceSize) {
      const orders = await next
      // The next ones come while these are begun.
      next = watched(fetch(start + sliceSize, start + 2 * sliceSize))
      const outcomes = await beginAll(orders, start)
      answers.push(watched(Promise.all(outcomes).then((all) => finish(all, start))))
    }
  } finally {
    await new Promise<void>((resolve) => {
      onEmpty = resolve
      if (underWay === 0) resolve()
    })
  }
  return Promise.all(answers)
}

/** The same promise. It is awaited later, and must not count as nobody's failure until then. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
