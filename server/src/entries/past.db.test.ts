import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  cash,
  createStoreBank,
  explain,
  fillTransfers,
  type Filling,
  type StoreBank,
} from '../../../test/support/store-bank.ts'
import { auditLedger } from '../ledger/ledger.ts'
import { createEntryStore, type EntryStore } from './store.ts'

let bank: StoreBank
let store: EntryStore
let filling: Filling

beforeAll(async () => {
  bank = await createStoreBank()
  store = createEntryStore(bank)
})

afterAll(async () => {
  await bank.close()
})

/** When that transfer of the filling was booked: there is one a second. */
const second = (count: number) => new Date(Date.UTC(2026, 0, 1) + count * 1000)

test('each entry of an account, by its seq and by its moment, has the balance after it', async () => {
  const alice = await bank.user('alice')
  const [from, to] = [await bank.open(alice), await bank.open(await bank.user('bob'))]
  const posted = [await bank.post({ debit: cash, credit: { accountId: from }, amount: 1000 })]
  for (const amount of [300, 1, 699]) {
    const sides = { debit: { accountId: from }, credit: { accountId: to } }
    posted.push(await bank.post({ principalId: alice, ...sides, amount }))
  }
  const balances = [1000n, 700n, 699n, 0n]
  for (const [index, { createdAt }] of posted.entries()) {
    const seq = index + 1
    const expected = { seq, ledgerBalance: balances[index], bookedAt: createdAt }
    expect(await store.balanceAfter(from, seq)).toEqual(expected)
    // Some may have been booked in the same millisecond: the moment has all of them.
    const last = posted.findLastIndex((other) => other.createdAt.getTime() === createdAt.getTime())
    expect(await store.balanceAt(from, createdAt)).toMatchObject({
      seq: last + 1,
      ledgerBalance: balances[last],
    })
  }
  const nothing = { seq: 0, ledgerBalance: 0n, bookedAt: null }
  expect(await store.balanceAt(from, new Date(0))).toEqual(nothing)
  expect(await store.balanceAfter(from, 0)).toEqual(nothing)
  expect(await store.balanceAfter(from, 5)).toBeUndefined()
  const { findings } = await auditLedger({ url: bank.url })
  expect(findings).toEqual([])
})

test('no account has a balance of tomorrow, and the bank says what time it is', async () => {
  const account = await bank.open(await bank.user('carol'))
  const { rows } = await bank.owner.query<{ now: Date }>('select bank_now() as now')
  const now = rows[0]?.now ?? new Date(0)
  expect(await store.balanceAt(account, now)).toMatchObject({ seq: 0 })
  expect(await store.balanceAt(account, new Date(now.getTime() + 3_600_000))).toBeUndefined()
})

test('an account that is not there has nothing, at any time', async () => {
  const nobody = bank.newUuid()
  expect(await store.balanceAt(nobody, new Date())).toMatchObject({ seq: 0, ledgerBalance: 0n })
  expect(await store.balanceAfter(nobody, 1)).toBeUndefined()
})

test('among 20,000 entries a moment is found with some 15 steps, a seq at once', async () => {
  filling = await fillTransfers(bank)
  const { busy, entries } = filling
  // Two of three transfers are of this account.
  expect(await store.balanceAt(busy, second(0))).toMatchObject({ seq: 1, bookedAt: second(0) })
  expect(await store.balanceAt(busy, new Date(second(0).getTime() - 1))).toMatchObject({ seq: 0 })
  expect(await store.balanceAt(busy, second(2))).toMatchObject({ seq: 2, bookedAt: second(1) })
  expect(await store.balanceAt(busy, second(15_000))).toMatchObject({ seq: 10_001 })
  expect(await store.balanceAt(busy, second(100_000))).toMatchObject({ seq: entries })
  const byMoment = await explain(bank, present(bank.queries.at(-1)))
  expect(present(byMoment[0]).buffers).toBeLessThanOrEqual(150)
  expect(byMoment.filter(({ type }) => type === 'Seq Scan')).toEqual([])

  expect(await store.balanceAfter(busy, 12_345)).toMatchObject({ seq: 12_345 })
  const bySeq = await explain(bank, present(bank.queries.at(-1)))
  expect(present(bySeq[0]).buffers).toBeLessThanOrEqual(10)
})

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}
