import { expect, test } from 'vitest'
import { buildTestApp } from '../http/testing.ts'
import { createCurrencyRoutes } from './routes.ts'

const euro = { code: 'EUR', exponent: 2, name: 'Euro' }
const won = { code: 'KRW', exponent: 0, name: 'Won' }

test('everyone may read the currencies, with exponents and in the order of the bank', async () => {
  const app = await buildTestApp({ routes: [createCurrencyRoutes({ currencies: [won, euro] })] })
  const response = await app.inject('/v1/currencies')
  expect(response.statusCode).toBe(200)
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(response.json()).toEqual({ data: [won, euro] })
})
