/**
 * Sends instructions to one server and tells apart, for each answer, what a client may conclude from
 * it. On `node:http`, which says when a request was wholly handed to the system, whether its
 * connection had been used before, and when a line was cut.
 */
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import type { Instruction } from './instruction.ts'

export type Answer =
  | Outcome
  /** The server says that nothing was done, or there was nobody to hear the request. */
  | { kind: 'nothing_done'; code: string }
  /** The server says that it does not know, or its answer never came. */
  | Unknown
  /** What no bank may answer to a request that is in order. */
  | { kind: 'defect'; code: string; text: string }

export interface Outcome {
  /** `posted` is whatever was done: a hold that was placed or released, too. */
  kind: 'posted' | 'refused'
  code: string
  status: number
  text: string
  replayed: boolean
}

export interface Unknown {
  kind: 'unknown'
  code: string
  /** When the request was wholly on its way, by `performance.now()`; `undefined` if it never was. */
  sentAt: number | undefined
  /** Its connection had carried other requests before: it may have been closed as an idle one. */
  reused: boolean
}

export interface Reading {
  status: number
  body: unknown
}

export interface Client {
  /** Never rejects. */
  ask(baseUrl: string, instruction: Instruction): Promise<Answer>
  /** `undefined` when no answer came. */
  read(baseUrl: string, path: string, token: string): Promise<Reading | undefined>
  close(): void
}

/** There was no connection: the server never saw the request. */
export const notConnected = 'not_connected'
/** The request was on its way or further, and the line ended without an answer. */
export const lineCut = 'line_cut'
const timedOut = 'timed_out'

const nothingDoneCodes = ['overloaded', 'unavailable', 'shutting_down']
/** Longer than a server takes for its own last word about a request. */
const timeoutMilliseconds = 12_000

export function createClient(): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  return {
    async ask(baseUrl, instruction) {
      const reply = await send(agent, `${baseUrl}${instruction.path}`, {
        method: 'POST',
        token: instruction.token,
        headers: {
          'idempotency-key': instruction.idempotencyKey,
          ...(instruction.body !== '' && { 'content-type': 'application/json' }),
        },
        body: instruction.body,
      })
      if (!('code' in reply)) return judge(reply, instruction)
      return reply.code === notConnected
        ? { kind: 'nothing_done', code: reply.code }
        : { kind: 'unknown', ...reply }
    },
    async read(baseUrl, path, token) {
      const reply = await send(agent, `${baseUrl}${path}`, { method: 'GET', token })
      return 'code' in reply ? undefined : { status: reply.status, body: parse(reply.text) }
    },
    close: () => agent.destroy(),
  }
}

interface Sending {
  method: string
  token: string
  headers?: Record<string, string>
  body?: string
}

interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

type NoReply = Omit<Unknown, 'kind'>

function send(
  agent: Agent,
  url: string,
  { method, token, headers, body = '' }: Sending,
): Promise<Reply | NoReply> {
  return new Promise((resolve) => {
    let sentAt: number | undefined
    const outgoing = request(url, {
      agent,
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        'content-length': Buffer.byteLength(body),
      },
    })
    const timer = setTimeout(() => fail(timedOut), timeoutMilliseconds)

    function fail(code: string): void {
      clearTimeout(timer)
      resolve({ code, sentAt, reused: outgoing.reusedSocket })
      outgoing.destroy()
    }

    outgoing.once('finish', () => (sentAt = performance.now()))
    outgoing.on('error', (error) => {
      fail('code' in error && error.code === 'ECONNREFUSED' ? notConnected : lineCut)
    })
    outgoing.once('response', (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      incoming.once('error', () => fail(lineCut))
      incoming.once('end', () => {
        clearTimeout(timer)
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text })
      })
    })
    outgoing.end(body)
  })
}

function judge({ status, headers, text }: Reply, { refusals }: Instruction): Answer {
  const replayed = headers['idempotency-replayed'] === 'true'
  if (status === 200 || status === 201) {
    return { kind: 'posted', code: 'posted', status, text, replayed }
  }
  const body = parse(text)
  const code =
    typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : 'no problem'
  if (status < 500 && refusals.includes(code)) {
    return { kind: 'refused', code, status, text, replayed }
  }
  if (status === 503 && nothingDoneCodes.includes(code)) return { kind: 'nothing_done', code }
  if (status === 503 && code === 'outcome_unknown') {
    return { kind: 'unknown', code, sentAt: undefined, reused: false }
  }
  return { kind: 'defect', code: `${status} ${code}`, text }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
