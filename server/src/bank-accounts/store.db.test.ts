import { afterAll, beforeAll, expect, test } from 'vitest'
import { cash, createStoreBank, type StoreBank } from '../../../test/support/store-bank.ts'
import { createBankAccountStore } from './store.ts'

let bank: StoreBank

beforeAll(async () => {
  bank = await createStoreBank()
})

afterAll(async () => {
  await bank.close()
})

test('the bank lists its own accounts only, newest first, with balances of any size', async () => {
  const store = createBankAccountStore(bank)
  expect(await store.list({ before: undefined, limit: 9 })).toEqual([])
  const amount = Number.MAX_SAFE_INTEGER
  for (const username of ['alice', 'bob', 'carol']) {
    const accountId = await bank.open(await bank.user(username))
    await bank.post({ debit: cash, credit: { accountId }, amount })
  }
  const { account: fees } = await bank.ledger.openBankAccount('fees', 'KRW')
  const all = await store.list({ before: undefined, limit: 9 })
  expect(all).toEqual([
    { ...fees, ledgerBalance: 0n },
    {
      accountId: expect.any(String),
      code: 'cash',
      currency: 'EUR',
      normalSide: 'debit',
      ledgerBalance: 3n * BigInt(amount),
      createdAt: expect.any(Date),
    },
  ])
  expect(await store.list({ before: fees.accountId, limit: 9 })).toEqual(all.slice(1))
  expect(await store.list({ before: undefined, limit: 1 })).toEqual(all.slice(0, 1))
})
