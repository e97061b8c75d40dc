import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { connectionLimitsDefault, idleSeconds } from './connections.ts'
import { isJsonObject } from './json-object.ts'
import type { RequestRecord } from './request-record.ts'
import type { Routes } from './route.ts'
import { Type } from 'typebox'
import { createHttpServer } from './server.ts'
import { testServerOptions } from './testing.ts'

const routes: Routes = async (app) => {
  app.post(
    '/echo',
    { config: { access: 'public' }, schema: { operationId: 'echo', body: Type.Object({}) } },
    async ({ body }) => {
      echoCount += 1
      return body
    },
  )
  // After whatever has arrived by then was read.
  app.get(
    '/later',
    { config: { access: 'public' }, schema: { operationId: 'later' } },
    async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        // oxlint-disable-next-line no-await-in-loop
        await new Promise((resolve) => setImmediate(resolve))
      }
      return 'now'
    },
  )
  app.get('/mine', { schema: { operationId: 'mine' } }, async () => null)
  app.get('/large', { config: { access: 'public' }, schema: { operationId: 'large' } }, async () =>
    'x'.repeat(64 * 1024 * 1024),
  )
}

let echoCount = 0
const errors: unknown[] = []
const records: RequestRecord[] = []
const server = await createHttpServer({
  ...testServerOptions,
  routes: [routes],
  onError: (error) => errors.push(error),
  onRequestDone: (record) => records.push(record),
  limits: {
    headersTimeoutMilliseconds: 100,
    requestTimeoutMilliseconds: 200,
    timeoutCheckMilliseconds: 20,
    silenceTimeoutMilliseconds: 500,
  },
})
const address = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
const host = address.host

afterAll(async () => {
  await server.close(1_000)
})

/** Sends the parts, and gives everything that came back until the server closed. */
async function send(...parts: string[]): Promise<string> {
  const socket = connect(Number(address.port), address.hostname)
  socket.on('error', () => {})
  for (const part of parts) socket.write(part, 'latin1')
  return text(socket)
}

interface Answer {
  status: number
  headers: string
  code: string | undefined
}

/** The answers of a connection; each body is parsed by its Content-Length. */
function answersOf(stream: string): Answer[] {
  const answers: Answer[] = []
  for (let rest = stream; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n') + 4
    expect(end).toBeGreaterThan(3)
    const headers = rest.slice(0, end).toLowerCase()
    const length = Number(/content-length: (\d+)/.exec(headers)?.[1] ?? 0)
    const body = rest.slice(end, end + length)
    const status = Number(headers.slice(9, 12))
    answers.push({ status, headers, code: status < 400 ? undefined : codeOf(body) })
    rest = rest.slice(end + length)
  }
  return answers
}

function codeOf(body: string): string {
  const document: unknown = JSON.parse(body)
  expect(document).toMatchObject({
    status: expect.any(Number),
    request_id: expect.stringMatching(/^req_/),
  })
  return isJsonObject(document) ? String(document['code']) : ''
}

const get = (path: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`

const post = (headers: string, body: string) =>
  `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${headers}\r\n${body}`

describe('framing that is refused with a problem document', () => {
  it.each([
    ['no Host', 400, 'malformed_request', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['two Hosts', 400, 'malformed_request', get('/livez', `Host: ${host}\r\n`)],
    ['an empty Host', 400, 'malformed_request', 'GET /livez HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a Host with a path', 400, 'malformed_request', 'GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['no HTTP at all', 400, 'malformed_request', 'hello\r\n\r\n'],
    ['an unknown version', 400, 'malformed_request', `GET / HTTP/3.0\r\nHost: ${host}\r\n\r\n`],
    ['an unknown method', 400, 'malformed_request', `BREW / HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    ['TRACE', 405, 'method_not_allowed', get('/livez').replace('GET', 'TRACE')],
    ['CONNECT', 405, 'method_not_allowed', `CONNECT a:1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    ['a foreign host', 421, 'misdirected_request', get('http://evil.example/livez')],
    ['a relative path', 400, 'malformed_request', get('livez')],
    ['dot segments', 404, 'route_not_found', get('/v1/../livez')],
    ['OPTIONS *', 404, 'route_not_found', get('*').replace('GET', 'OPTIONS')],
    ['an unknown expectation', 417, 'expectation_failed', get('/livez', 'Expect: tea\r\n')],
    [
      'Content-Length and Transfer-Encoding',
      400,
      'malformed_request',
      post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'two Content-Lengths',
      400,
      'malformed_request',
      post('Content-Length: 2\r\nContent-Length: 3\r\n', '{}'),
    ],
    ['a bad Content-Length', 400, 'malformed_request', post('Content-Length: -2\r\n', '{}')],
    [
      'a bad chunk size',
      400,
      'malformed_request',
      post('Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n'),
    ],
    [
      'an unknown transfer coding',
      400,
      'malformed_request',
      post('Transfer-Encoding: gzip\r\n', '{}'),
    ],
    [
      'a transfer coding before chunked',
      400,
      'malformed_request',
      post('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'),
    ],
    [
      'two Content-Types',
      400,
      'malformed_request',
      post('Content-Type: text/plain\r\nContent-Length: 2\r\n', '{}'),
    ],
    ['a header of 17 KiB', 431, 'headers_too_large', get('/livez', `a: ${'b'.repeat(17_408)}\r\n`)],
    ['2,500 headers', 431, 'headers_too_large', get('/livez', 'a:b\r\n'.repeat(2_500))],
    ['101 headers', 431, 'headers_too_large', get('/livez', 'a:b\r\n'.repeat(99))],
    ['a NUL in a header', 400, 'malformed_request', get('/livez', 'a: \0\r\n')],
    ['a folded header', 400, 'malformed_request', get('/livez', 'a: b\r\n c\r\n')],
    ['a bare line feed', 400, 'malformed_request', get('/livez', 'a: b\nc: d\r\n')],
    ['slow headers', 408, 'request_timeout', `GET /livez HTTP/1.1\r\nHost: ${host}\r\n`],
    ['a slow body', 408, 'request_timeout', post('Content-Length: 20\r\n', '{')],
  ])('%s: %i %s', async (_, status, code, request) => {
    const [answer, ...others] = answersOf(await send(request))
    expect(answer).toMatchObject({ status, code })
    expect(answer?.headers).toContain('content-type: application/problem+json\r\n')
    expect(answer?.headers).toContain('request-id: req_')
    expect(others).toEqual([])
  })

  it('half a body and then the end', async () => {
    const socket = connect(Number(address.port), address.hostname)
    socket.end(post('Content-Length: 20\r\n', '{'))
    expect(answersOf(await text(socket))).toMatchObject([
      { status: 400, code: 'malformed_request' },
    ])
  })
})

describe('framing that is served', () => {
  it.each([
    ['HTTP/1.0 without Host', 'GET /livez HTTP/1.0\r\n\r\n'],
    ['the absolute form of this host', get(`http://${host}/livez`)],
    ['an offer to upgrade', get('/livez', 'Upgrade: websocket\r\nConnection: upgrade\r\n')],
    ['100 headers', get('/livez', 'a:b\r\n'.repeat(98))],
    ['a Host in IPv6', get('/livez').replace(host, '[::1]:8080')],
  ])('%s', async (_, request) => {
    expect(answersOf(await send(request))).toMatchObject([{ status: 200 }])
  })

  it('100 pipelined requests, answered in order', async () => {
    const one = `GET /livez HTTP/1.1\r\nHost: ${host}\r\nRequest-Id: `
    const many = Array.from({ length: 99 }, (_, index) => `${one}n${index}\r\n\r\n`)
    const answers = answersOf(await send(many.join(''), get('/livez', 'Request-Id: n99\r\n')))
    expect(answers).toHaveLength(100)
    answers.forEach(({ headers }, index) => expect(headers).toContain(`request-id: n${index}\r\n`))
  })

  it('a request is answered when its client has ended its half of the connection', async () => {
    const socket = connect(Number(address.port), address.hostname)
    socket.end(`GET /later HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    expect(answersOf(await text(socket))).toMatchObject([{ status: 200 }])
  })

  it('a request is answered before the garbage that follows it', async () => {
    const answers = answersOf(await send(post('Content-Length: 2\r\n', '{}'), 'garbage\r\n\r\n'))
    expect(answers).toMatchObject([{ status: 200 }, { status: 400, code: 'malformed_request' }])
  })
})

describe('what comes behind the last answer of a connection', () => {
  const good = post('Content-Length: 2\r\n', '{}')

  it.each([
    [
      'a request with two Hosts',
      get('/livez', `Host: ${host}\r\n`).replace('Connection: close', 'A: b'),
      400,
    ],
    ['a request that asked for the end', get('/livez'), 200],
  ])('after %s nothing is processed', async (_, request, status) => {
    echoCount = 0
    expect(answersOf(await send(request + good))).toMatchObject([{ status }])
    expect(echoCount).toBe(0)
  })
})

it('authorization_invalid: two Authorization headers', async () => {
  const [answer] = answersOf(await send(get('/mine', 'Authorization: Bearer a\r\n'.repeat(2))))
  expect(answer).toMatchObject({ status: 401, code: 'authorization_invalid' })
})

it('a client that does not read its answer loses the connection', async () => {
  const socket = connect(Number(address.port), address.hostname)
  socket.on('error', () => {})
  socket.pause()
  socket.write(get('/large'))
  records.length = 0
  await vi.waitFor(() => expect(records).toMatchObject([{ isAnswered: false }]), 4_000)
  socket.destroy()
})

it('an idle connection is closed after the time that its answers have told', async () => {
  const [answer] = answersOf(await send(`GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
  expect(answer).toMatchObject({ status: 200 })
  expect(answer?.headers).toContain('connection: keep-alive')
  expect(answer?.headers).toContain('keep-alive: timeout=0\r\n')
  const [last] = answersOf(await send(get('/livez')))
  expect(last?.headers).not.toContain('keep-alive')
})

it('idle connections are kept for longer than load balancers keep theirs', () => {
  expect(idleSeconds(connectionLimitsDefault)).toBeGreaterThan(60)
})

it('none of this is a defect of ours', () => {
  expect(errors).toEqual([])
})

it('a record tells whether the client got its answer', async () => {
  records.length = 0
  await send(get('/livez'))
  expect(records).toMatchObject([{ status: 200, isAnswered: true }])
})
