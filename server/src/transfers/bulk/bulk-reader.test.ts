import { afterEach, expect, test } from 'vitest'
import { createUuidSource, encodeId } from '../../kernel/ids.ts'
import { createBulkReader, type BulkReader, type BulkSource } from './bulk-reader.ts'

const newUuid = createUuidSource()
let reader: BulkReader

afterEach(() => reader.stop())

function body(count: number): Buffer {
  const transfers = Array.from({ length: count }, (_, index) => ({
    from_account_id: encodeId('acct', newUuid()),
    to_account_id: encodeId('acct', newUuid()),
    amount: index + 1,
    currency: 'EUR',
  }))
  return Buffer.from(JSON.stringify({ transfers }))
}

async function read(bytes: Buffer): Promise<BulkSource> {
  const source = await reader.read(bytes)
  if ('refusal' in source) throw new Error(JSON.stringify(source.refusal))
  return source
}

test.each([3, 3000])('gives %i orders in the slices that are asked for', async (count) => {
  reader = createBulkReader(['EUR'])
  const source = await read(body(count))
  expect(source.count).toBe(count)
  const amounts = (await source.slice(1, 3)).map(({ amount }) => amount)
  expect(amounts).toEqual([2, 3])
  expect(await source.slice(count, count + 5)).toEqual([])
  source.close()
})

test('several bodies are read at a time and do not mix', async () => {
  reader = createBulkReader(['EUR'])
  const counts = [500, 3, 2000, 1000]
  const sources = await Promise.all(counts.map((count) => read(body(count))))
  expect(sources.map(({ count }) => count)).toEqual(counts)
  const last = await Promise.all(sources.map(({ slice, count }) => slice(count - 1, count)))
  expect(last.flat().map(({ amount }) => amount)).toEqual(counts)
})

test('bytes that share their memory are copied and left as they are', async () => {
  reader = createBulkReader(['EUR'])
  const bytes = body(500)
  const shared = Buffer.concat([Buffer.from('before'), bytes]).subarray(6)
  await read(shared)
  expect(shared.equals(bytes)).toBe(true)
})

test('what a stopped reader was asked fails as overloaded, and it starts anew when asked again', async () => {
  reader = createBulkReader(['EUR'])
  const source = await read(body(500))
  await reader.stop()
  await expect(source.slice(0, 1)).rejects.toMatchObject({ code: 'overloaded' })
  expect((await read(body(500))).count).toBe(500)
})
