/**
 * A line to PostgreSQL that a test can cut at an exact word of the protocol. What the client sends
 * arrives in chunks as it was written, so a text that is sent in one query is found in one chunk.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Client } from 'pg'

/** `before`: the server never gets the text. `after`: it does, and its answer is lost. */
export type CutMoment = 'before' | 'after'

export interface TcpProxy {
  /** The URL that leads through the proxy. */
  url: string
  /** Cuts, once, the connection that sends this text. */
  cutAt(text: string, moment: CutMoment): void
  close(): Promise<void>
}

/** Opens a line to the PostgreSQL of that URL, on the given port or a free one. */
export async function createTcpProxy(targetUrl: string, port = 0): Promise<TcpProxy> {
  const target = addressOf(targetUrl)
  const sockets = new Set<Socket>()
  let cut: { text: string; moment: CutMoment } | undefined

  const server = createServer((client) => {
    const upstream = target.connect()
    let answerIsLost = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (cut !== undefined && chunk.includes(cut.text)) {
        answerIsLost = cut.moment === 'after'
        cut = undefined
        if (!answerIsLost) {
          client.destroy()
          return
        }
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (answerIsLost) client.destroy()
      else client.write(chunk)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: target.urlAt(portOf(server.address())),
    cutAt(text, moment) {
      cut = { text, moment }
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Where a URL leads, as `pg` reads it: over TCP or to a socket in a folder. */
export function addressOf(url: string): {
  connect(): Socket
  /** The same login and database at that port of the loopback address. */
  urlAt(port: number): string
} {
  const { host, port, user, password, database } = new Client({ connectionString: url })
  return {
    connect: () =>
      host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host),
    urlAt(loopbackPort) {
      const login = `${encodeURIComponent(user ?? '')}:${encodeURIComponent(password ?? '')}`
      return `postgresql://${login}@127.0.0.1:${loopbackPort}/${database ?? ''}`
    },
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a TCP server')
  return address.port
}
