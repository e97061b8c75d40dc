import { afterAll, beforeAll, expect, test } from 'vitest'
import { cash, createStoreBank, type StoreBank } from '../../../test/support/store-bank.ts'
import { createAccountStore, type AccountStore } from './store.ts'

let bank: StoreBank
let store: AccountStore

beforeAll(async () => {
  bank = await createStoreBank()
  store = createAccountStore(bank)
})

afterAll(async () => {
  await bank.close()
})

test('an account is found with its name and its present balances', async () => {
  const ownerId = await bank.user('alice')
  const id = await bank.open(ownerId, 'EUR', 'Rent & food 家賃')
  expect(await store.find(id)).toEqual({
    id,
    ownerId,
    name: 'Rent & food 家賃',
    currency: 'EUR',
    status: 'open',
    ledgerBalance: 0,
    held: 0,
    overdraftLimit: 0,
    transferLimit: null,
    dailyLimit: null,
    version: 0,
    createdAt: expect.any(Date),
  })
  await bank.post({ debit: cash, credit: { accountId: id }, amount: 1050 })
  await bank.owner.query(
    `update account set held = 50, overdraft_limit = 7, status = 'frozen', transfer_limit = 8,
      daily_limit = 9007199254740991, spent_since = '2026-01-01' where id = $1`,
    [id],
  )
  expect(await store.find(id)).toMatchObject({
    ledgerBalance: 1050,
    held: 50,
    overdraftLimit: 7,
    transferLimit: 8,
    dailyLimit: Number.MAX_SAFE_INTEGER,
    status: 'frozen',
    version: 1,
  })
})

test('balances are exact at the ends of their range', async () => {
  const id = await bank.open(await bank.user('rich'))
  await bank.post({ debit: cash, credit: { accountId: id }, amount: Number.MAX_SAFE_INTEGER })
  expect((await store.find(id))?.ledgerBalance).toBe(Number.MAX_SAFE_INTEGER)
})

test('accounts of the bank itself, and absent ones, are not found', async () => {
  const { account } = await bank.ledger.openBankAccount('fees', 'EUR')
  await bank.owner.query('insert into account_detail (account_id) values ($1)', [account.accountId])
  expect(await store.find(account.accountId)).toBeUndefined()
  expect(await store.find(bank.newUuid())).toBeUndefined()
})

test("a list has one owner's accounts, newest first, and continues below an id", async () => {
  const [carol, dave] = [await bank.user('carol'), await bank.user('dave')]
  const [first, second, third] = [
    await bank.open(carol),
    await bank.open(carol, 'KRW'),
    await bank.open(carol),
  ]
  await bank.open(dave)
  const ids = async (before: string | undefined, limit: number) =>
    (await store.listByOwner({ ownerId: carol, before, limit })).map(({ id }) => id)
  expect(await ids(undefined, 2)).toEqual([third, second])
  expect(await ids(second, 2)).toEqual([first])
  expect(await ids(first, 2)).toEqual([])
})
