import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runFuzz } from './run.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})

afterAll(() => database.drop())

it('the API answers generated requests as its OpenAPI document says: npm run fuzz', async () => {
  const { url, ownerUrl } = database
  const report = await runFuzz({ databaseUrl: url, ownerUrl, seed: 1, requests: 3_000 })
  expect(report.findings).toEqual([])
  // Otherwise the requests would be too wrong to get anywhere.
  for (const status of [200, 201, 204, 400, 401, 403, 404, 409, 415, 422]) {
    expect({ status, count: report.statuses.get(status) }).toEqual({
      status,
      count: expect.any(Number),
    })
  }
}, 120_000)
