/**
 * The load generator: keep-alive HTTP/1.1 connections on raw sockets, one request in flight on each.
 *
 * It shares two cores with the server and PostgreSQL, so what it costs is taken from what is
 * measured; a client library costs about as much per request as the server does. So all sockets read
 * into one buffer, past Node's streams, and answers are not parsed beyond status and length, unless a
 * load asks for them. Latencies are kept one by one, so
 * percentiles are exact; with a rate they count from the moment a request was due, not from when a
 * connection was free for it.
 */
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  host: string
  port: number
  connections: number
  /** Requests per second; without it each connection sends the next as soon as it is answered. */
  ratePerSecond?: number
  /** The bytes of the next request, headers and all, on the connection of that number, from 0. */
  nextRequest: (connection: number) => string
  /** Given the body of every answer before the next request of its connection is asked for. */
  onAnswer?: (body: Buffer, connection: number) => void
  /**
   * Given each piece of a body as it comes, in memory that is used again: `onAnswer` then gets an empty
   * body. For answers of megabytes, whose whole would hold up the latencies of other loads.
   */
  onPiece?: (piece: Buffer, connection: number) => void
}

export interface LoadResult {
  completed: number
  perSecond: number
  /** Answers by HTTP status. */
  statuses: ReadonlyMap<number, number>
  p50Milliseconds: number
  p99Milliseconds: number
  maxMilliseconds: number
}

export interface RunningLoad {
  /** How many requests have been answered so far. */
  completed(): number
  /** What has been answered so far, by HTTP status. */
  statuses: ReadonlyMap<number, number>
  /** Begins no more requests, and resolves when all that were begun are answered. */
  stop(): Promise<LoadResult>
  /** Rejects when a connection breaks: a broken run is no measurement. */
  broken: Promise<never>
}

interface Connection {
  number: number
  socket: Socket
  startedAt: number
  /** The start of an answer whose head is not whole yet. */
  head: Buffer | undefined
  status: number
  /** Bytes of the answer that have not come yet, once its head is there. */
  missing: number
  /** Copies of what came, where the load asks for it. */
  body: Buffer[]
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** What all sockets read into, one after the other: whatever is to stay is copied. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

function open(
  address: { host: string; port: number },
  receive: (chunk: Buffer) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const callback = (length: number): boolean => {
      receive(readBuffer.subarray(0, length))
      return true
    }
    const onread = { buffer: readBuffer, callback }
    const socket = connect({ ...address, noDelay: true, onread }, () => resolve(socket))
    socket.once('error', reject)
  })
}

const headEndMark = Buffer.from('\r\n\r\n')
const lengthMark = Buffer.from('\r\ncontent-length: ')

/** The length that a head tells, 0 where it tells none. */
function contentLength(head: Buffer): number {
  let at = head.indexOf(lengthMark)
  // As other servers may write it.
  if (at < 0) at = head.toString('latin1').toLowerCase().indexOf(lengthMark.toString())
  if (at < 0) return 0
  return Number.parseInt(head.toString('latin1', at + lengthMark.length, at + 40), 10)
}

/** Opens all connections and sends on each of them until it is stopped. */
export async function startLoad(options: LoadOptions): Promise<RunningLoad> {
  const { host, port, ratePerSecond, nextRequest, onAnswer, onPiece } = options
  const connections = await Promise.all(
    Array.from({ length: options.connections }, async (_, number): Promise<Connection> => {
      const socket = await open({ host, port }, (chunk) => take(connection, chunk))
      const connection: Connection = {
        number,
        socket,
        startedAt: 0,
        head: undefined,
        status: 0,
        missing: 0,
        body: [],
      }
      return connection
    }),
  )
  const latencies: number[] = []
  const statuses = new Map<number, number>()
  const idle: Connection[] = []
  const ended = Promise.withResolvers<LoadResult>()
  const breaking = Promise.withResolvers<never>()
  for (const { promise } of [ended, breaking]) promise.catch(() => undefined)
  const started = performance.now()
  let isStopping = false
  let isOver = false
  let inFlight = 0
  let sent = 0

  const close = (): void => {
    isOver = true
    clearInterval(ticker)
    for (const { socket } of connections) socket.destroy()
  }

  const fail = (error: Error): void => {
    if (isOver) return
    close()
    breaking.reject(error)
    ended.reject(error)
  }

  const finish = (): void => {
    if (isOver) return
    close()
    const sorted = Float64Array.from(latencies).toSorted()
    ended.resolve({
      completed: sorted.length,
      perSecond: sorted.length / ((performance.now() - started) / 1000),
      statuses,
      p50Milliseconds: percentile(sorted, 0.5),
      p99Milliseconds: percentile(sorted, 0.99),
      maxMilliseconds: sorted.at(-1) ?? Number.NaN,
    })
  }

  const send = (connection: Connection, dueAt: number): void => {
    connection.startedAt = dueAt
    inFlight += 1
    sent += 1
    connection.socket.write(nextRequest(connection.number), 'latin1')
  }

  const next = (connection: Connection): void => {
    const now = performance.now()
    if (isStopping) {
      if (inFlight === 0) finish()
    } else if (ratePerSecond === undefined) {
      send(connection, now)
    } else {
      const dueAt = started + (sent / ratePerSecond) * 1000
      if (dueAt <= now) send(connection, dueAt)
      else idle.push(connection)
    }
  }

  const finishAnswer = (connection: Connection): void => {
    statuses.set(connection.status, (statuses.get(connection.status) ?? 0) + 1)
    latencies.push(performance.now() - connection.startedAt)
    inFlight -= 1
    if (onAnswer) {
      const { body } = connection
      connection.body = []
      onAnswer(
        body.length === 1 ? (body[0] ?? Buffer.alloc(0)) : Buffer.concat(body),
        connection.number,
      )
    }
    next(connection)
  }

  const receive = (connection: Connection, chunk: Buffer): void => {
    let content = chunk
    if (connection.missing === 0) {
      const bytes = connection.head ? Buffer.concat([connection.head, chunk]) : chunk
      const headEnd = bytes.indexOf(headEndMark)
      connection.head = headEnd < 0 ? Buffer.from(bytes) : undefined
      if (headEnd < 0) return
      connection.status = Number.parseInt(bytes.toString('latin1', 9, 12), 10)
      connection.missing = contentLength(bytes.subarray(0, headEnd))
      content = bytes.subarray(headEnd + headEndMark.length)
    }
    connection.missing -= content.length
    if (onPiece) onPiece(content, connection.number)
    else if (onAnswer) connection.body.push(Buffer.from(content))
    if (connection.missing === 0) finishAnswer(connection)
  }

  function take(connection: Connection, chunk: Buffer): void {
    try {
      receive(connection, chunk)
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  // Sends what has fallen due and ends a load that has gone quiet.
  const ticker = setInterval(() => {
    if (isStopping) {
      if (inFlight === 0) finish()
      return
    }
    if (ratePerSecond === undefined) return
    const now = performance.now()
    for (;;) {
      const dueAt = started + (sent / ratePerSecond) * 1000
      if (dueAt > now) return
      const connection = idle.pop()
      if (!connection) return
      send(connection, dueAt)
    }
  }, 1)

  for (const connection of connections) {
    const { socket } = connection
    socket.removeAllListeners('error')
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the server closed a connection under load')))
    next(connection)
  }

  return {
    completed: () => latencies.length,
    statuses,
    stop() {
      isStopping = true
      return ended.promise
    },
    broken: breaking.promise,
  }
}

/** Runs one load to its end. Rejects when a connection breaks. */
export async function runLoad(
  options: LoadOptions & { durationSeconds: number },
): Promise<LoadResult> {
  const load = await startLoad(options)
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(() => over.resolve(), options.durationSeconds * 1000)
  try {
    await Promise.race([over.promise, load.broken])
  } finally {
    clearTimeout(timer)
  }
  return load.stop()
}

/**
 * Makes the bytes of POSTs with a JSON body, each under a key. What they share is made once. `body` is
 * ASCII, so that it has as many bytes as characters.
 */
export function createPosts(
  path: string,
  headers: Readonly<Record<string, string>>,
): (idempotencyKey: string, body: string) => string {
  const head =
    `POST ${path} HTTP/1.1\r\nhost: bench\r\n${headerLines(headers)}` +
    'content-type: application/json\r\nidempotency-key: '
  return (key, body) => `${head}${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/** The bytes of a GET. */
export function getRequest(path: string, headers: Readonly<Record<string, string>>): string {
  return `GET ${path} HTTP/1.1\r\nhost: bench\r\n${headerLines(headers)}\r\n`
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
