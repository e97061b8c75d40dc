/**
 * A customer's own books: every transfer that was asked for, what was answered, and whether the bank
 * keeps its word when servers and databases are killed in between.
 *
 * The word of a bank: what was acknowledged is there once; what was refused, or answered with
 * "nothing was done", is not there; of what is unknown, asking again with the same key tells the
 * truth and does it at most once; and nothing else is there.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { SeededBank } from '../../bench/seed.ts'
import { createApi } from '../../tools/api.ts'
import { createLoadClient, lineCut, notConnected, type Answer, type Order } from './load-client.ts'
import { isTrue, readTransfers, textOf } from './load-truth.ts'

export interface Entry {
  order: Order
  /** What is known by now: an unknown outcome stays unknown until the bank tells it. */
  answer: Answer | undefined
  /** When the request was wholly on its way, in milliseconds of `performance.now()`. */
  sentAt: number | undefined
}

export interface LoadOptions {
  /** Where to ask. The lines of the load stay with one each, in turn. */
  baseUrls: readonly string[]
  /** Requests in flight. */
  lines: number
}

export interface RunningLoad {
  /** Resolves when the bank has acknowledged that many more transfers of this load. */
  acknowledged(count: number): Promise<void>
  /** Asks for nothing more. Resolves when every line has ended. */
  stop(): Promise<void>
  /** Resolves when every line has ended by itself, as they do when the bank is gone. */
  ended: Promise<void>
}

export interface LoadLedger {
  entries: readonly Entry[]
  /** What has no outcome yet. */
  open(): Entry[]
  start(options: LoadOptions): RunningLoad
  /** Asks the same thing once at each of the URLs, all at one time. */
  askAtOnce(baseUrls: readonly string[]): Promise<Answer[]>
  /** Asks for everything that has no outcome yet until it has one; and once more. */
  settle(baseUrl: string): Promise<void>
  /** Holds the bank to its word: the transfers of the database against these books. */
  expectTruth(databaseUrl: string): Promise<void>
  /** The balances that the bank shows are the ones that follow from these books. */
  expectBalances(baseUrl: string): Promise<void>
  close(): void
}

/** More than anybody has. */
const unaffordable = 90_000_000_000
const openingBalance = 1_000_000_000
const backOffMilliseconds = 20
const settleLines = 32
const settleTriesMax = 200

export function createLoadLedger({ hot, accounts }: SeededBank): LoadLedger {
  const client = createLoadClient()
  const entries: Entry[] = []
  let orderCount = 0

  /** Every other one to or from the hot account, every tenth more than anybody can pay. */
  function newOrder(): Order {
    orderCount += 1
    const some = at(accounts, orderCount)
    const other = orderCount % 2 ? hot : at(accounts, orderCount + 1 + (orderCount % 3))
    const [from, to] = orderCount % 4 < 2 ? [some, other] : [other, some]
    const amount = orderCount % 10 === 0 ? unaffordable : 1 + (orderCount % 997)
    return { idempotencyKey: randomUUID(), from, to, amount }
  }

  async function ask(baseUrl: string, entry: Entry): Promise<Answer> {
    const before = entry.answer
    const answer = await client.ask(baseUrl, entry.order, () => (entry.sentAt = performance.now()))
    // That nothing was done now says nothing about an earlier request of the same order.
    const isStillUnknown = before?.kind === 'unknown' && answer.kind === 'nothing_done'
    entry.answer = isStillUnknown ? before : answer
    return answer
  }

  function newEntry(order: Order): Entry {
    const entry: Entry = { order, answer: undefined, sentAt: undefined }
    entries.push(entry)
    return entry
  }

  function start({ baseUrls, lines }: LoadOptions): RunningLoad {
    const waiting: { count: number; resolve: () => void }[] = []
    let acknowledgedCount = 0
    const stopping = new AbortController()

    async function runLine(line: number): Promise<void> {
      while (!stopping.signal.aborted) {
        const answer = await ask(at(baseUrls, line), newEntry(newOrder()))
        if (answer.kind === 'posted') acknowledge()
        if (isOutcome(answer)) continue
        // A bank that cannot is not asked without end: each refusal is one more order to settle.
        await sleep(backOffMilliseconds)
        if (answer.code === lineCut || answer.code === notConnected) return
      }
    }

    function acknowledge(): void {
      acknowledgedCount += 1
      for (const { count, resolve } of waiting) if (acknowledgedCount >= count) resolve()
    }

    const ended = Promise.all(Array.from({ length: lines }, (_, line) => runLine(line))).then(
      () => undefined,
    )
    return {
      ended,
      acknowledged: (count) =>
        Promise.race([
          new Promise<void>((resolve) => {
            waiting.push({ count: acknowledgedCount + count, resolve })
          }),
          ended.then(() => {
            throw new Error('the load has ended before its time')
          }),
        ]),
      stop() {
        stopping.abort()
        return ended
      },
    }
  }

  function open(): Entry[] {
    return entries.filter(({ answer }) => !answer || !isOutcome(answer))
  }

  async function settle(baseUrl: string): Promise<void> {
    const wasOpen = open()
    await inLines(wasOpen, async (entry) => {
      for (let tries = 0; !isOutcome(await ask(baseUrl, entry)); tries += 1) {
        if (tries === settleTriesMax) throw new Error('an order gets no outcome')
        await sleep(backOffMilliseconds)
      }
    })
    const again = [...wasOpen, ...entries.slice(0, 50), ...entries.slice(-50)]
    await inLines(again, async ({ order, answer }) => {
      const second = await client.ask(baseUrl, order)
      expect(second).toEqual({ ...answer, replayed: true })
    })
  }

  async function expectTruth(databaseUrl: string): Promise<void> {
    const transfers = await readTransfers(databaseUrl)
    const lies: string[] = []
    for (const { order, answer } of entries) {
      const ids = transfers.get(textOf(order)) ?? []
      transfers.delete(textOf(order))
      if (!isTrue(answer, ids)) lies.push(`${answer?.code}: [${ids.join()}] ${textOf(order)}`)
    }
    expect({ lies: lies.slice(0, 5), others: [...transfers].slice(0, 5) }).toEqual({
      lies: [],
      others: [],
    })
  }

  async function expectBalances(baseUrl: string): Promise<void> {
    const expected = new Map([hot, ...accounts].map(({ id }) => [id, openingBalance]))
    for (const { order, answer } of entries) {
      if (answer?.kind !== 'posted') continue
      expected.set(order.from.id, (expected.get(order.from.id) ?? 0) - order.amount)
      expected.set(order.to.id, (expected.get(order.to.id) ?? 0) + order.amount)
    }
    const api = createApi(baseUrl)
    const shown = new Map<string, unknown>()
    for (const { id, token } of [hot, ...accounts]) {
      const account = await api.call('GET', `/v1/accounts/${id}`, { token })
      shown.set(id, account['ledger_balance'])
    }
    expect(shown).toEqual(expected)
  }

  return {
    entries,
    open,
    start,
    askAtOnce(baseUrls) {
      const entry = newEntry(newOrder())
      return Promise.all(baseUrls.map((baseUrl) => ask(baseUrl, entry)))
    },
    settle,
    expectTruth,
    expectBalances,
    close: () => client.close(),
  }
}

function isOutcome({ kind }: Answer): boolean {
  return kind === 'posted' || kind === 'refused'
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('a load needs accounts and a bank')
  return item
}

async function inLines<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: settleLines }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}
