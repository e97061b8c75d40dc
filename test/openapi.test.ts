import { readFile } from 'node:fs/promises'
import { afterAll, expect, test } from 'vitest'
import { isJsonObject, objectAt, objectsIn } from '../server/src/http/json-object.ts'
import { createBanklessServer, createOpenApiText, openApiFile } from '../tools/api-document.ts'

const server = await createBanklessServer()
afterAll(() => server.close(0))

const operations = objectsIn(objectAt(server.openApi, 'paths')).flatMap(([path, item]) =>
  objectsIn(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
)

test('the committed OpenAPI document is the present one: npm run generate:openapi', async () => {
  const committed = await readFile(new URL(`../${openApiFile}`, import.meta.url), 'utf8')
  expect(committed).toBe(await createOpenApiText())
})

test('every operation has an id of its own, a tag, a summary and its security', () => {
  const ids = operations.map(({ operation }) => operation['operationId'])
  expect(new Set(ids).size).toBe(operations.length)
  for (const { name, operation } of operations) {
    expect({ name, ...operation }).toMatchObject({
      operationId: expect.stringMatching(/^[a-z][A-Za-z]+$/),
      tags: [expect.any(String)],
      summary: expect.any(String),
      security: expect.any(Array),
    })
  }
})

test('every body, asked for or answered, has an example', () => {
  for (const { name, operation } of operations) {
    const answers = objectsIn(objectAt(operation, 'responses')).map(([, answer]) => answer)
    const bodies =
      operation['requestBody'] === undefined ? [] : [objectAt(operation, 'requestBody')]
    for (const part of [...answers, ...bodies]) {
      for (const [type, media] of objectsIn(objectAt(part, 'content'))) {
        const example = media['example'] ?? media['examples']
        expect({ name, type, example }).toEqual({ name, type, example: expect.anything() })
      }
    }
  }
})

test('every POST that moves money requires an idempotency key', () => {
  const moving = ['createTransfer', 'createDeposit', 'createWithdrawal']
  for (const id of moving) {
    const found = operations.find(({ operation }) => operation['operationId'] === id)
    expect(found?.operation['parameters']).toContainEqual(
      expect.objectContaining({ name: 'Idempotency-Key', required: true }),
    )
  }
})

test('every reference leads somewhere', () => {
  const text = JSON.stringify(server.openApi)
  for (const [, kind = '', name = ''] of text.matchAll(/#\/components\/(\w+)\/([\w-]+)/g)) {
    const target = objectAt(objectAt(server.openApi, 'components'), kind)[name]
    expect([kind, name, isJsonObject(target)]).toEqual([kind, name, true])
  }
  expect(text).not.toContain('def-')
  expect(text).not.toContain('"$id"')
})
