import { beforeAll, expect, test, vi } from 'vitest'
import { testCurrencies } from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { createUuidSource, encodeId } from '../kernel/ids.ts'
import { createPayeeRoutes } from './routes.ts'
import type { PayeeStore } from './store.ts'

const newUuid = createUuidSource()
const accountId = newUuid()

const payees: PayeeStore = {
  find: async (username, currency) =>
    username === 'bob' && currency === 'EUR'
      ? { accountId, currency, displayName: 'Bob Example' }
      : undefined,
}

async function build(store: PayeeStore) {
  const routes = [createPayeeRoutes({ payees: store, currencies: testCurrencies })]
  return buildTestApp({ routes })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(payees)
})

async function find(query: string, target = app) {
  return target.inject({ url: `/v1/payees${query}`, headers: asUser(newUuid()) })
}

test('OK: the account that receives by default, and the name to show', async () => {
  const response = await find('?username=bob&currency=EUR')
  expect(response.statusCode).toBe(200)
  expect(response.json()).toEqual({
    account_id: encodeId('acct', accountId),
    currency: 'EUR',
    display_name: 'Bob Example',
  })
})

test('upper and lower case of a user name are the same', async () => {
  expect((await find('?username=BoB&currency=EUR')).statusCode).toBe(200)
})

test('PayeeNotFound: nobody of that name, or nothing open in that currency', async () => {
  for (const query of ['?username=bo_&currency=EUR', '?username=bob&currency=KRW']) {
    const response = await find(query)
    expect(response.json()).toMatchObject({ status: 404, code: 'payee_not_found' })
  }
})

test('InvalidCurrency', async () => {
  const response = await find('?username=bob&currency=USD')
  expect(response.json()).toMatchObject({ status: 400, code: 'currency_not_supported' })
})

test.each([
  '',
  '?username=bob',
  '?currency=EUR',
  '?username=bo&currency=EUR',
  '?username=bob%25&currency=EUR',
  '?username=bob%00&currency=EUR',
  '?username=bob&username=eve&currency=EUR',
  '?username=bob&currency=EUR&q=1',
])('InvalidQuery: %j', async (query) => {
  const response = await find(query)
  expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
})

test('NoAuthorization', async () => {
  expect((await app.inject('/v1/payees?username=bob&currency=EUR')).statusCode).toBe(401)
})

test('InternalError', async () => {
  const broken = vi.fn<PayeeStore['find']>().mockRejectedValue(new Error('secret'))
  const response = await find('?username=bob&currency=EUR', await build({ find: broken }))
  expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' })
  expect(response.body).not.toContain('secret')
})
