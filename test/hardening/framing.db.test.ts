/** Framing that is wrong, on raw sockets to a bank as it is deployed: refused, and nothing happens. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'
import { exchange } from './raw-exchange.ts'

let world: AccessWorld
let alice: Person
let bob: Person
let host: string

beforeAll(async () => {
  world = await createAccessWorld()
  alice = await world.person()
  bob = await world.person()
  host = new URL(world.url).host
})

afterAll(() => world.close())

let keyCount = 0

/** A transfer that would be made, but for what `change` does to its head and body. */
function transfer(change: (head: string, body: string) => string): string {
  keyCount += 1
  const body = JSON.stringify({
    from_account_id: alice.account,
    to_account_id: bob.account,
    amount: 1,
    currency: 'EUR',
  })
  const head = [
    'POST /v1/transfers HTTP/1.1',
    `Host: ${host}`,
    `Authorization: Bearer ${alice.token}`,
    'Content-Type: application/json',
    `Idempotency-Key: framing-${keyCount}`,
    'Connection: close',
    `Content-Length: ${body.length}`,
  ].join('\r\n')
  return change(head, body)
}

const add = (line: string) => (head: string, body: string) => `${head}\r\n${line}\r\n\r\n${body}`
const replace = (from: string | RegExp, to: string) => (head: string, body: string) =>
  `${head.replace(from, to)}\r\n\r\n${body}`

async function transferCount(): Promise<number> {
  const [row] = await world.query<{ count: number }>('select count(*)::int as count from transfer')
  return row?.count ?? Number.NaN
}

it('the request that all others are made from is good', async () => {
  const before = await transferCount()
  expect(await exchange(world.url, transfer(add('A: b')))).toMatchObject([{ status: 201 }])
  expect(await transferCount()).toBe(before + 1)
})

describe('a request to move money is refused, and moves none, with', () => {
  it.each([
    ['no Host', 400, replace(/Host: .*\r\n/, '')],
    ['two Hosts', 400, (head: string, body: string) => add(`Host: ${host}`)(head, body)],
    ['an empty Host', 400, replace(/Host: .*/, 'Host:')],
    ['a body in chunks and a length', 400, add('Transfer-Encoding: chunked')],
    ['two lengths', 400, add('Content-Length: 1')],
    ['a negative length', 400, replace(/Content-Length: .*/, 'Content-Length: -1')],
    ['a length in hex', 400, replace(/Content-Length: .*/, 'Content-Length: 0x80')],
    ['a list of lengths', 400, replace(/Content-Length: (.*)/, 'Content-Length: $1, $1')],
    ['a bad chunk', 400, replace(/Content-Length: .*/, 'Transfer-Encoding: chunked')],
    ['a coding of its own', 400, replace(/Content-Length: .*/, 'Transfer-Encoding: mine')],
    ['a header of 17 KiB', 431, add(`A: ${'b'.repeat(17 * 1024)}`)],
    ['2,500 headers', 431, add('A: b\r\n'.repeat(2_500).trimEnd())],
    ['a header without a name', 400, add(': b')],
    ['a blank before the colon', 400, add('A : b')],
    ['a folded header', 400, add('A: b\r\n c')],
    ['a NUL in a header', 400, add('A: \0')],
    ['a method of its own', 400, replace('POST', 'MOVE-IT')],
    ['TRACE', 405, replace('POST', 'TRACE')],
    ['the path of another host', 421, replace('/v1/transfers', 'http://evil.example/v1/transfers')],
    ['an encoded fragment', 404, replace('/v1/transfers', '/v1/transfers%23')],
    ['HTTP/2.0 in the request line', 400, replace('HTTP/1.1', 'HTTP/2.0')],
    ['two Authorization headers', 401, add('Authorization: Bearer other')],
    ['two idempotency keys', 400, add('Idempotency-Key: other')],
    ['two content types', 415, replace('application/json', 'text/plain, application/json')],
    ['a body that is coded', 415, add('Content-Encoding: gzip')],
  ])('%s: %i', async (_, status, change) => {
    const before = await transferCount()
    const [answer, ...others] = await exchange(world.url, transfer(change))
    expect(answer).toMatchObject({ status })
    expect(answer?.head).toContain('content-type: application/problem+json\r\n')
    expect(answer?.head).toContain('request-id: req_')
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ status, code: expect.any(String) })
    expect(others).toEqual([])
    expect(await transferCount()).toBe(before)
  })

  it('half a body and then the end', async () => {
    const before = await transferCount()
    const half = transfer((head, body) => `${head}\r\n\r\n${body.slice(0, 20)}`)
    expect(await exchange(world.url, half, { end: true })).toMatchObject([{ status: 400 }])
    expect(await transferCount()).toBe(before)
  })
})

it('what is smuggled behind a refused request is not read as a request', async () => {
  const before = await transferCount()
  const smuggled = transfer(add('A: b'))
  const lengthAndChunks = [
    `POST /v1/sessions HTTP/1.1\r\nHost: ${host}`,
    'Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
    `\r\n0\r\n\r\n${smuggled}`,
  ].join('\r\n')
  const twoHosts = `GET /livez HTTP/1.1\r\nHost: ${host}\r\nHost: evil\r\n\r\n${smuggled}`
  for (const bytes of [lengthAndChunks, twoHosts]) {
    expect(await exchange(world.url, bytes)).toMatchObject([{ status: 400 }])
  }
  expect(await transferCount()).toBe(before)
})

const one = (index: number, more: string) =>
  `GET /v1/currencies HTTP/1.1\r\nHost: ${host}\r\nRequest-Id: n${index}\r\n${more}\r\n`

it('100 requests in one go are answered in order', async () => {
  const requests = Array.from({ length: 99 }, (_, index) => one(index, ''))
  const bytes = requests.join('') + one(99, 'Connection: close\r\n')
  const answers = await exchange(world.url, bytes)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  expect(answers).toHaveLength(100)
  answers.forEach(({ head }, index) => expect(head).toContain(`request-id: n${index}\r\n`))
})

it('a request id with other lines in it, or of 5 KiB, is not sent back', async () => {
  for (const id of ['x'.repeat(5_000), 'mine\u000Bx', 'a b']) {
    const bytes = `GET /livez HTTP/1.1\r\nHost: ${host}\r\nRequest-Id: ${id}\r\nConnection: close\r\n\r\n`
    const [answer] = await exchange(world.url, bytes)
    expect(answer?.head).not.toContain(`request-id: ${id}`)
  }
})

it('the headers of every answer are those of an API', async () => {
  for (const path of ['/livez', '/v1/users/me', '/nowhere', '/v1/%']) {
    const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const [answer] = await exchange(world.url, bytes)
    for (const header of [
      'cache-control: no-store',
      "content-security-policy: default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options: nosniff',
      'x-frame-options: deny',
      'referrer-policy: no-referrer',
    ]) {
      expect(answer?.head).toContain(`${header}\r\n`)
    }
    expect(answer?.head).not.toContain('\r\nserver:')
    expect(answer?.head).not.toContain('x-powered-by')
  }
})

it('the books are right', async () => {
  expect(await world.audit()).toEqual([])
})
