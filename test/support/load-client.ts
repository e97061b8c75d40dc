/**
 * Asks a bank for transfers and tells apart, for each answer, what a client may conclude from it. On
 * `node:http`, which says when a request was wholly handed to the system and when a line was cut.
 */
import { Agent, request } from 'node:http'
import type { SeededAccount } from '../../bench/seed.ts'

export interface Order {
  idempotencyKey: string
  from: SeededAccount
  to: SeededAccount
  amount: number
}

export type Answer =
  | { kind: 'posted' | 'refused'; code: string; text: string; replayed: boolean }
  /** The bank says that nothing was done, or there was nobody to hear the request. */
  | { kind: 'nothing_done'; code: string }
  /** The bank says that it does not know, or its answer never came. */
  | { kind: 'unknown'; code: string }

export interface LoadClient {
  /** Never rejects for what a bank that is killed may do; rejects for what no bank may answer. */
  ask(baseUrl: string, order: Order, onSent?: () => void): Promise<Answer>
  close(): void
}

/** There was no connection: the bank never saw the request. */
export const notConnected = 'not_connected'
/** The request was on its way or further, and the line ended without an answer. */
export const lineCut = 'line_cut'

const nothingDoneCodes = ['overloaded', 'unavailable', 'shutting_down']

export function createLoadClient(): LoadClient {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  return {
    async ask(baseUrl, order, onSent) {
      const reply = await post(agent, baseUrl, order, onSent)
      if ('code' in reply) {
        return { kind: reply.code === notConnected ? 'nothing_done' : 'unknown', code: reply.code }
      }
      return judge(reply)
    },
    close: () => agent.destroy(),
  }
}

interface Reply {
  status: number
  replayed: boolean
  text: string
}

function post(
  agent: Agent,
  baseUrl: string,
  { idempotencyKey, from, to, amount }: Order,
  onSent: () => void = () => {},
): Promise<Reply | { code: string }> {
  const body = JSON.stringify({
    from_account_id: from.id,
    to_account_id: to.id,
    amount,
    currency: 'EUR',
  })
  return new Promise((resolve) => {
    const outgoing = request(`${baseUrl}/v1/transfers`, {
      agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${from.token}`,
        'idempotency-key': idempotencyKey,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    })
    outgoing.once('finish', onSent)
    outgoing.once('error', (error) => {
      const isRefused = 'code' in error && error.code === 'ECONNREFUSED'
      resolve({ code: isRefused ? notConnected : lineCut })
    })
    outgoing.once('response', (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      incoming.once('error', () => resolve({ code: lineCut }))
      incoming.once('end', () => {
        const replayed = incoming.headers['idempotency-replayed'] === 'true'
        resolve({ status: incoming.statusCode ?? 0, replayed, text })
      })
    })
    outgoing.end(body)
  })
}

function judge({ status, replayed, text }: Reply): Answer {
  if (status === 201) return { kind: 'posted', code: 'posted', text, replayed }
  const code = codeOf(text)
  if (status === 422 && code === 'insufficient_funds') {
    return { kind: 'refused', code, text, replayed }
  }
  if (status === 503 && nothingDoneCodes.includes(code)) return { kind: 'nothing_done', code }
  if (status === 503 && code === 'outcome_unknown') return { kind: 'unknown', code }
  throw new Error(`no bank may answer a transfer with ${status} ${text}`)
}

function codeOf(text: string): string {
  const body: unknown = JSON.parse(text)
  const isProblem = typeof body === 'object' && body !== null && 'code' in body
  return isProblem ? String(body.code) : 'no problem document'
}
