import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStoreBank, type StoreBank } from '../../../test/support/store-bank.ts'
import { createPayeeStore, type PayeeStore } from './store.ts'

let bank: StoreBank
let store: PayeeStore

beforeAll(async () => {
  bank = await createStoreBank()
  store = createPayeeStore(bank)
})

afterAll(async () => {
  await bank.close()
})

async function setStatus(table: 'account' | 'app_user', id: string, status: string) {
  await bank.owner.query(`update ${table} set status = $1 where id = $2`, [status, id])
}

test('the oldest open account in the currency receives; frozen and closed ones are passed over', async () => {
  const bob = await bank.user('bob', 'Bob Example')
  await bank.open(bob, 'KRW')
  const [oldest, middle, newest] = [
    await bank.open(bob),
    await bank.open(bob),
    await bank.open(bob),
  ]
  const payee = { accountId: oldest, currency: 'EUR', displayName: 'Bob Example' }
  expect(await store.find('bob', 'EUR')).toEqual(payee)
  await setStatus('account', oldest, 'closed')
  await setStatus('account', middle, 'frozen')
  expect(await store.find('bob', 'EUR')).toEqual({ ...payee, accountId: newest })
  await setStatus('account', newest, 'closed')
  expect(await store.find('bob', 'EUR')).toBeUndefined()
})

test('a name must match exactly', async () => {
  await bank.open(await bank.user('eve_1'))
  expect(await store.find('eve_1', 'EUR')).toBeDefined()
  for (const username of ['eve', 'eve_', 'eve_11', 'EVE_1', 'eve%', 'evex1']) {
    expect(await store.find(username, 'EUR')).toBeUndefined()
  }
  expect(await store.find('eve_1', 'KRW')).toBeUndefined()
})

test('a disabled user receives nothing new', async () => {
  const mallory = await bank.user('mallory')
  await bank.open(mallory)
  await setStatus('app_user', mallory, 'disabled')
  expect(await store.find('mallory', 'EUR')).toBeUndefined()
})
