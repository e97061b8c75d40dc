import { Readable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { asUser } from '../../http/testing.ts'
import type { LedgerEngine } from '../../ledger/ledger.ts'
import { bulkBodySizeMax, bulkWindow } from './routes.ts'
import { useBulkWorld } from './testing.ts'

const { world, ledger, build, item, items, wordy, send, bulk, atomic } = useBulkWorld()

/** A server whose ledger holds every transfer back until it is let go. */
async function buildHeld() {
  const go = Promise.withResolvers<void>()
  const post: LedgerEngine['post'] = async (...order) => {
    await go.promise
    return ledger.post(...order)
  }
  return { app: await build({ ...ledger, post }), go: () => go.resolve() }
}

const codesOf = async (sent: readonly ReturnType<typeof bulk>[]) =>
  (await Promise.all(sent)).map(({ statusCode }) => statusCode)

test('one user has at most 8 bulks under way, and the places are free again afterwards', async () => {
  const { app, go } = await buildHeld()
  const sent = Array.from({ length: 9 }, () => bulk(wordy(200), { app }))
  const first = await Promise.race(sent)
  expect(first.statusCode).toBe(503)
  expect(first.json()).toMatchObject({ code: 'overloaded', retry: 'same_key' })
  go()
  expect((await codesOf(sent)).filter((code) => code === 200)).toHaveLength(8)
  expect((await bulk(wordy(200), { app })).statusCode).toBe(200)
})

test('of full size one user has 2, all have 3, and then they are free again', async () => {
  const { app, go } = await buildHeld()
  const text = JSON.stringify({ transfers: [item()] })
  const full = text + ' '.repeat(bulkBodySizeMax - text.length)
  const another = () => send(full, { app, headers: asUser(world.bank.bob) })
  const sent = [send(full, { app }), send(full, { app }), send(full, { app })]
  expect((await Promise.race(sent)).statusCode).toBe(503)
  const theirs = [another(), another()]
  expect((await Promise.race(theirs)).statusCode).toBe(503)
  go()
  const codes = await codesOf([...sent, ...theirs])
  expect(codes.filter((code) => code === 200)).toHaveLength(3)
  expect((await send(full, { app })).statusCode).toBe(200)
})

test('small groups and small bulks have no part in the places of bulks', async () => {
  const together = Promise.withResolvers<void>()
  let begun = 0
  async function begin(): Promise<void> {
    begun += 1
    if (begun === 80) together.resolve()
    await together.promise
  }
  const app = await build({
    ...ledger,
    async post(...order) {
      await begin()
      return ledger.post(...order)
    },
    async postGroup(...group) {
      await begin()
      return ledger.postGroup(...group)
    },
  })
  const groups = Array.from({ length: 40 }, () => atomic(items(2), { app }))
  const bulks = Array.from({ length: 40 }, () => bulk(items(1), { app }))
  expect(new Set(await codesOf([...groups, ...bulks]))).toEqual(new Set([200]))
})

test('a small group waits for no window that large bulks have filled', async () => {
  const [go, full] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let begun = 0
  const app = await build({
    ...ledger,
    async post(...order) {
      begun += 1
      if (begun === bulkWindow.alone) full.resolve()
      await go.promise
      return ledger.post(...order)
    },
  })
  const large = [1, 2, 3].map(() => bulk(wordy(200), { app }))
  const all = Promise.all(large)
  await full.promise
  expect((await atomic(items(2), { app })).statusCode).toBe(200)
  go.resolve()
  await all
})

test('a body without its length has a large place only until it has come', async () => {
  let reached = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const app = await build({
    ...ledger,
    async post(...order) {
      reached.resolve()
      await go.promise
      return ledger.post(...order)
    },
  })
  const sent: ReturnType<typeof bulk>[] = []
  for (let count = 0; count < 5; count += 1) {
    reached = Promise.withResolvers()
    const one = send(Readable.from([JSON.stringify({ transfers: [item()] })]), { app })
    sent.push(one)
    await Promise.race([reached.promise, one])
  }
  go.resolve()
  expect(await codesOf(sent)).toEqual([200, 200, 200, 200, 200])
})

test.each<[string, string, number, number]>([
  [
    'postings go on when their clients go away while they are read, and keep their places',
    '',
    503,
    8 * 200,
  ],
  ['dry runs end when their clients go away, and their places are free', '?dry_run=true', 200, 0],
])('%s', async (_, query, status, triedInAll) => {
  const go = Promise.withResolvers<void>()
  let tried = 0
  const left = Promise.withResolvers<void>()
  let staying = 8
  const app = await build(
    {
      ...ledger,
      async post(...order) {
        if (order[0].description !== 'later') {
          tried += 1
          await go.promise
        }
        return ledger.post(...order)
      },
    },
    ({ raw }) => {
      // The worker that reads it has not even started by then.
      setImmediate(() => {
        if (staying === 0) return
        raw.emit('close')
        staying -= 1
        if (staying === 0) left.resolve()
      })
    },
  )
  const later = () =>
    bulk(
      items(400, () => ({ description: 'later' })),
      { app },
    )
  const over = Promise.allSettled(Array.from({ length: 8 }, () => bulk(wordy(200), { app, query })))
  await left.promise
  await vi.waitFor(async () => expect((await later()).statusCode).toBe(status))
  go.resolve()
  await over
  await vi.waitFor(async () => expect((await later()).statusCode).toBe(200))
  expect(tried).toBe(triedInAll)
})

test('bulks together never have more than the window under way', async () => {
  let [inFlight, most] = [0, 0]
  const app = await build({
    ...ledger,
    async post(...order) {
      inFlight += 1
      most = Math.max(most, inFlight)
      await new Promise(setImmediate)
      inFlight -= 1
      return ledger.post(...order)
    },
  })
  await Promise.all([bulk(items(1000), { app }), bulk(items(1000), { app })])
  expect(most).toBeGreaterThan(100)
  expect(most).toBeLessThanOrEqual(bulkWindow.alone)
})

test('beside a group they have no more than a narrow window', async () => {
  let [inFlight, most] = [0, 0]
  const app = await build({
    ...ledger,
    async post(...order) {
      inFlight += 1
      most = Math.max(most, inFlight)
      await new Promise(setImmediate)
      inFlight -= 1
      return ledger.post(...order)
    },
  })
  await atomic(items(2), { app })
  await Promise.all([bulk(items(300), { app }), bulk(items(300), { app })])
  expect(most).toBe(bulkWindow.beside)
})
