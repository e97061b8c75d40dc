import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  cash,
  createStoreBank,
  explain,
  fillTransfers,
  type Filling,
  type StoreBank,
} from '../../../test/support/store-bank.ts'
import type { Uuid } from '../kernel/ids.ts'
import { createEntryStore, type EntryPage, type EntryStore } from './store.ts'

let bank: StoreBank
let store: EntryStore
let filling: Filling

beforeAll(async () => {
  bank = await createStoreBank()
  store = createEntryStore(bank)
  filling = await fillTransfers(bank)
})

afterAll(async () => {
  await bank.close()
})

function pageOf(accountId: Uuid, change: Partial<EntryPage> = {}): EntryPage {
  const page = { accountId, normalSide: 'credit', seqMin: undefined, seqBefore: undefined } as const
  return { ...page, order: 'desc', limit: 20, ...change }
}

test('entries are newest first, signed, with running balances, names and words', async () => {
  const alice = await bank.user('alice', 'Alice Example')
  const bob = await bank.user('bob', 'Bob Example')
  const [from, to] = [await bank.open(alice), await bank.open(bob)]
  await bank.post({ debit: cash, credit: { accountId: from }, amount: 1000 })
  const paid = await bank.post({
    principalId: alice,
    debit: { accountId: from },
    credit: { accountId: to },
    amount: 300,
    description: 'Rent',
    reference: 'INV-1',
  })
  expect(await store.list(pageOf(from))).toEqual([
    {
      seq: 2,
      transferId: paid.id,
      amount: -300,
      balanceAfter: 700n,
      counterpartyAccountId: to,
      counterpartyName: 'Bob Example',
      description: 'Rent',
      reference: 'INV-1',
      createdAt: paid.createdAt,
    },
    expect.objectContaining({
      seq: 1,
      amount: 1000,
      balanceAfter: 1000n,
      counterpartyName: 'cash',
      description: null,
      reference: null,
    }),
  ])
  expect(await store.list(pageOf(to))).toMatchObject([
    { seq: 1, amount: 300, balanceAfter: 300n, counterpartyName: 'Alice Example' },
  ])
})

test('an account of the debit side, seen from there, has the signs the other way round', async () => {
  const account = await bank.open(await bank.user('carol'))
  const deposit = await bank.post({
    debit: { bankCode: 'settlement:x' },
    credit: { accountId: account },
  })
  const page = pageOf(deposit.debitAccountId, { normalSide: 'debit' })
  expect(await store.list(page)).toMatchObject([{ seq: 1, amount: 100, balanceAfter: 100n }])
})

test('pages by seq meet without a gap or a repeat, and keep to their lowest seq', async () => {
  const { busy } = filling
  const seqs = async (change: Partial<EntryPage>) =>
    (await store.list(pageOf(busy, change))).map(({ seq }) => seq)
  expect(await seqs({ limit: 3 })).toEqual([20_000, 19_999, 19_998])
  expect(await seqs({ limit: 3, seqBefore: 19_998 })).toEqual([19_997, 19_996, 19_995])
  expect(await seqs({ limit: 3, seqBefore: 3 })).toEqual([2, 1])
  expect(await seqs({ limit: 9, seqMin: 9_998, seqBefore: 10_001 })).toEqual([10_000, 9_999, 9_998])
  expect(await seqs({ seqBefore: 1 })).toEqual([])
})

test('oldest first, the same pages meet from the other end', async () => {
  const { busy } = filling
  const seqs = async (change: Partial<EntryPage>) =>
    (await store.list(pageOf(busy, { order: 'asc', limit: 3, ...change }))).map(({ seq }) => seq)
  expect(await seqs({})).toEqual([1, 2, 3])
  expect(await seqs({ seqMin: 4 })).toEqual([4, 5, 6])
  expect(await seqs({ seqMin: 19_999 })).toEqual([19_999, 20_000])
  expect(await seqs({ seqMin: 9_998, seqBefore: 10_000 })).toEqual([9_998, 9_999])
})

test('the first entry since a moment is found on, between, before and after the entries', async () => {
  const { busy, entries } = filling
  const { rows } = await bank.owner.query<{ seq: string; created_at: Date }>(
    'select seq, created_at from entry where account_id = $1 order by seq',
    [busy],
  )
  expect(rows).toHaveLength(entries)
  const moments = [0, 1, 2, 777, 10_000, 19_998, 19_999].flatMap((index) => {
    const time = rows[index]?.created_at.getTime() ?? 0
    return [new Date(time - 1), new Date(time), new Date(time + 1)]
  })
  for (const moment of [...moments, new Date(0), new Date('2100-01-01')]) {
    const expected = rows.find(({ created_at }) => created_at >= moment)?.seq ?? entries + 1
    expect(await store.firstSeqSince(busy, moment)).toBe(Number(expected))
  }
})

test('an account without entries, or none at all, has its first entry still to come', async () => {
  const account = await bank.open(await bank.user('dave'))
  expect(await store.firstSeqSince(account, new Date(0))).toBe(1)
  expect(await store.firstSeqSince(bank.newUuid(), new Date(0))).toBe(1)
  expect(await store.list(pageOf(account))).toEqual([])
})

test.each([
  ['first', 'desc', {}],
  ['deep', 'desc', { seqBefore: 10_001 }],
  ['oldest', 'asc', {}],
  ['deep oldest', 'asc', { seqMin: 10_001 }],
] as const)(
  'the %s page of 20 of 20,000 entries (%s) reads about 10 pages of the table',
  async (_, order, bounds) => {
    await store.list(pageOf(filling.busy, { ...bounds, order, limit: 21 }))
    const nodes = await explain(bank, present(bank.queries.at(-1)))
    const append = present(nodes.find(({ type }) => type === 'Merge Append'))
    expect(append.buffers).toBeLessThanOrEqual(20)
    expect(
      nodes.filter(({ type }) => type === 'Seq Scan').map(({ relation }) => relation),
    ).not.toContain('transfer')
    expect(present(nodes[0]).buffers).toBeLessThanOrEqual(20 + 21 * 9)
  },
)

test('a moment among 20,000 entries is found with some 15 steps', async () => {
  await store.firstSeqSince(filling.busy, new Date('2026-01-01T04:00:00Z'))
  const nodes = await explain(bank, present(bank.queries.at(-1)))
  expect(present(nodes[0]).buffers).toBeLessThanOrEqual(150)
})

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}
