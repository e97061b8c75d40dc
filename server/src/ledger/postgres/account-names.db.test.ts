import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStoreBank, type StoreBank } from '../../../../test/support/store-bank.ts'
import { createDatabase, type Database } from '../../database/database.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { createAccountNames, type AccountNames } from './account-names.ts'

let bank: StoreBank
let database: Database
let names: AccountNames
let owner: Uuid
let account: Uuid

beforeAll(async () => {
  bank = await createStoreBank()
  database = createDatabase({
    url: bank.url,
    poolSize: 1,
    applicationName: 'test',
    namedStatements: true,
  })
  names = createAccountNames(database)
  owner = await bank.user('alice')
  account = await bank.open(owner, 'EUR', 'Rent')
})

afterAll(async () => {
  await database.close()
  await bank.close()
})

async function stored(): Promise<{ account_id: Uuid; name: string | null }[]> {
  const { rows } = await bank.owner.query('select account_id, name from account_detail order by 1')
  return rows
}

test('an owner names an account and takes the name away, of that account alone', async () => {
  const other = await bank.open(owner, 'EUR', 'Other')
  expect(await names.rename(account, owner, 'Food 家賃')).toBe(true)
  expect(await stored()).toEqual([
    { account_id: account, name: 'Food 家賃' },
    { account_id: other, name: 'Other' },
  ])
  expect(await names.rename(account, owner, null)).toBe(true)
  expect((await stored())[0]).toEqual({ account_id: account, name: null })
})

test('nobody else names it, and what there is not has no name', async () => {
  const before = await stored()
  expect(await names.rename(account, await bank.user('bob'), 'Mine')).toBe(false)
  expect(await names.rename(bank.newUuid(), owner, 'Nowhere')).toBe(false)
  expect(await stored()).toEqual(before)
})

test('what an opening is answered again by its key is the name it was opened with', async () => {
  const opening = {
    ownerId: owner,
    currency: 'EUR',
    name: 'First',
    accountsMax: 100,
    requestId: 'arrange',
    idempotencyKey: { key: 'opening', index: 0 },
  }
  const outcome = await bank.ledger.openAccount(opening)
  if (outcome.kind !== 'opened') throw new Error('the account was not opened')
  await names.rename(outcome.account.id, owner, 'Second')
  expect(await bank.ledger.openAccount(opening)).toEqual({ ...outcome, replayed: true })
})
