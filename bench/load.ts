/**
 * The load generator: keep-alive HTTP/1.1 connections on raw sockets, one request in flight on each.
 *
 * It shares two cores with the server and PostgreSQL, so what it costs is taken from what is
 * measured; a client library costs about as much per request as the server does. Responses are not
 * parsed beyond status and length. Latencies are kept one by one, so percentiles are exact; with a
 * rate they count from the moment a request was due, not from when a connection was free for it.
 */
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  host: string
  port: number
  connections: number
  durationSeconds: number
  /** Requests per second; without it each connection sends the next as soon as it is answered. */
  ratePerSecond?: number
  /** The bytes of the next request, headers and all. */
  nextRequest: () => string
}

export interface LoadResult {
  completed: number
  perSecond: number
  /** Answers by HTTP status. */
  statuses: Map<number, number>
  p50Milliseconds: number
  p99Milliseconds: number
  maxMilliseconds: number
}

interface Connection {
  socket: Socket
  startedAt: number
  pending: Buffer | undefined
}

/** The length of the first whole response in `bytes`, or 0 while it is not whole. */
function responseLength(bytes: Buffer): number {
  const headerEnd = bytes.indexOf('\r\n\r\n')
  if (headerEnd < 0) return 0
  const head = bytes.toString('latin1', 0, headerEnd).toLowerCase()
  const at = head.indexOf('\r\ncontent-length: ')
  const bodyLength = at < 0 ? 0 : Number.parseInt(head.slice(at + 18), 10)
  const length = headerEnd + 4 + bodyLength
  return bytes.length >= length ? length : 0
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Runs one load to its end. Rejects when a connection breaks: a broken run is no measurement. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { host, port, ratePerSecond, nextRequest } = options
  const sockets = await Promise.all(
    Array.from({ length: options.connections }, () => open(host, port)),
  )
  const latencies: number[] = []
  const statuses = new Map<number, number>()
  const idle: Connection[] = []
  const started = performance.now()
  const end = started + options.durationSeconds * 1000
  let inFlight = 0
  let sent = 0

  const send = (connection: Connection, dueAt: number): void => {
    connection.startedAt = dueAt
    inFlight += 1
    sent += 1
    connection.socket.write(nextRequest(), 'latin1')
  }

  return new Promise((resolve, reject) => {
    let finished = false

    const finish = (error?: Error): void => {
      if (finished) return
      finished = true
      clearInterval(ticker)
      for (const socket of sockets) socket.destroy()
      if (error) return reject(error)
      const sorted = Float64Array.from(latencies).toSorted()
      resolve({
        completed: sorted.length,
        perSecond: sorted.length / ((performance.now() - started) / 1000),
        statuses,
        p50Milliseconds: percentile(sorted, 0.5),
        p99Milliseconds: percentile(sorted, 0.99),
        maxMilliseconds: sorted.at(-1) ?? Number.NaN,
      })
    }

    const next = (connection: Connection): void => {
      const now = performance.now()
      if (now >= end) {
        if (inFlight === 0) finish()
      } else if (ratePerSecond === undefined) {
        send(connection, now)
      } else {
        const dueAt = started + (sent / ratePerSecond) * 1000
        if (dueAt <= now) send(connection, dueAt)
        else idle.push(connection)
      }
    }

    const receive = (connection: Connection, chunk: Buffer): void => {
      const bytes = connection.pending ? Buffer.concat([connection.pending, chunk]) : chunk
      const length = responseLength(bytes)
      if (length === 0) {
        connection.pending = bytes
        return
      }
      connection.pending = undefined
      const status = Number.parseInt(bytes.toString('latin1', 9, 12), 10)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      latencies.push(performance.now() - connection.startedAt)
      inFlight -= 1
      next(connection)
    }

    // Sends what has fallen due and ends a run that has gone quiet.
    const ticker = setInterval(() => {
      const now = performance.now()
      if (now >= end) {
        if (inFlight === 0) finish()
        return
      }
      if (ratePerSecond === undefined) return
      for (;;) {
        const dueAt = started + (sent / ratePerSecond) * 1000
        if (dueAt > now) return
        const connection = idle.pop()
        if (!connection) return
        send(connection, dueAt)
      }
    }, 1)

    for (const socket of sockets) {
      const connection: Connection = { socket, startedAt: 0, pending: undefined }
      socket.removeAllListeners('error')
      socket.on('error', finish)
      socket.on('close', () => finish(new Error('the server closed a connection under load')))
      socket.on('data', (chunk: Buffer) => receive(connection, chunk))
      next(connection)
    }
  })
}

/** The bytes of a POST with a JSON body. */
export function postRequest(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): string {
  const text = JSON.stringify(body)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return (
    `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(text)}\r\n${lines.join('')}\r\n${text}`
  )
}
