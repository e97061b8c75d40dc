/** Transfers through the edge, over TLS, one after the other on each of some lines. */
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:https'
import type { SeededAccount } from '../../../bench/seed.ts'
import { present } from '../../../server/src/kernel/assert.ts'
import type { Edge } from './edge.ts'

export interface Load {
  /** Resolves when that many more were acknowledged. */
  acknowledged(count: number): Promise<void>
  /** Resolves with the ids of all transfers that were acknowledged, and with every failure. */
  stop(): Promise<{ ids: string[]; failures: string[] }>
}

const linesMax = 16

export function startLoad(edge: Edge, accounts: readonly SeededAccount[]): Load {
  // A line of its own for each request, as from many customers.
  const agent = new Agent({ ca: edge.certificate, keepAlive: false })
  const ids: string[] = []
  const failures: string[] = []
  const waiting = new Set<() => void>()
  const stopping = new AbortController()

  async function runLine(line: number): Promise<void> {
    for (let count = line; !stopping.signal.aborted; count += 1) {
      const from = present(accounts[count % accounts.length], 'an account')
      const to = present(accounts[(count + 1 + line) % accounts.length], 'an account')
      if (from.id === to.id) continue
      try {
        const { status, text } = await post(agent, edge.port, from, to)
        if (status === 201) ids.push(readId(text))
        else failures.push(`${status} ${text}`)
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error))
      }
      for (const check of waiting) check()
    }
  }

  const lines = Array.from({ length: linesMax }, (_, line) => runLine(line))
  return {
    acknowledged(count) {
      const wanted = ids.length + count
      return new Promise((resolve) => {
        const check = () => {
          if (ids.length < wanted && failures.length < 100) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
      })
    },
    async stop() {
      stopping.abort()
      await Promise.all(lines)
      agent.destroy()
      return { ids, failures }
    },
  }
}

function post(
  agent: Agent,
  port: number,
  from: SeededAccount,
  to: SeededAccount,
): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({
    from_account_id: from.id,
    to_account_id: to.id,
    amount: 1,
    currency: 'EUR',
  })
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      host: '127.0.0.1',
      port,
      path: '/v1/transfers',
      method: 'POST',
      headers: {
        authorization: `Bearer ${from.token}`,
        'idempotency-key': randomUUID(),
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      incoming.once('error', reject)
      incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
    })
    outgoing.end(body)
  })
}

function readId(text: string): string {
  const body: unknown = JSON.parse(text)
  if (typeof body === 'object' && body !== null && 'id' in body) return String(body.id)
  throw new Error(`a transfer without an id: ${text}`)
}
