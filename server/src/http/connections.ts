/**
 * The listening server below Fastify: time limits against slow clients, answers to what Node's
 * parser refuses, a bound on requests in flight, and the drain.
 *
 * Invariants:
 * - What was accepted is answered: neither a drain nor garbage that follows it on the same
 *   connection takes its answer away. With pipelining, only the last answer of a connection closes
 *   it, and nothing that arrives after a closing answer is processed (RFC 9112, section 9.6).
 * - Every refusal below Fastify is a problem document with a request id of its own.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import { headerBytesMax, headerCountMax } from './framing.ts'
import { refuseExchange, refuseSocket, type Exchange } from './raw-refusal.ts'

export interface ConnectionLimits {
  /** Requests that are being answered at one time; more are refused as `overloaded`. */
  requestsInFlightMax: number
  connectionsMax: number
  headersTimeoutMilliseconds: number
  /** From the first byte of a request to its last. */
  requestTimeoutMilliseconds: number
  /** How long a connection may carry nothing in either direction, idle or with answers unread. */
  silenceTimeoutMilliseconds: number
  /** How long a drain lets idle connections be: what is on its way on them is answered. */
  idleGraceMilliseconds: number
  timeoutCheckMilliseconds: number
}

export const connectionLimitsDefault: ConnectionLimits = {
  requestsInFlightMax: 10_000,
  connectionsMax: 20_000,
  headersTimeoutMilliseconds: 10_000,
  requestTimeoutMilliseconds: 30_000,
  // Longer than the 60 s after which common load balancers let go of an idle connection, so that it
  // is never the server that closes one just as a request is sent on it.
  silenceTimeoutMilliseconds: 120_000,
  idleGraceMilliseconds: 250,
  timeoutCheckMilliseconds: 1_000,
}

/** What clients are told: a little less than it is, for a request that is on its way by then. */
export function idleSeconds({ silenceTimeoutMilliseconds }: ConnectionLimits): number {
  return Math.floor((0.95 * silenceTimeoutMilliseconds) / 1000)
}

export interface Connections {
  server: Server
  isDraining: () => boolean
  /** More requests are in flight than the limit allows. */
  isFull: () => boolean
  /** For the server's `clientError`, to which Fastify listens itself. */
  refuseUnparsed: (error: NodeJS.ErrnoException, socket: Socket) => void
  /**
   * Stops accepting, lets everything accepted finish, closes what is idle after a moment, and cuts
   * off what is left at the limit.
   */
  drain: (limitMilliseconds: number) => Promise<void>
}

export interface ConnectionsOptions {
  listener: RequestListener
  limits: ConnectionLimits
  tls: { cert: string; key: string } | undefined
  createRequestId: (request: Pick<IncomingMessage, 'headers'>) => string
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { listener, limits, createRequestId } = options
  /** The open connections, each with the exchange that began last on it while that matters. */
  const connections = new Map<Socket, Exchange | undefined>()
  /** Connections on which nothing more is read: a refusal of theirs is on its way. */
  const condemned = new WeakSet<Socket>()
  let inFlightCount = 0
  let isDraining = false

  const server = createPlainOrTls(options, accept)
  server.maxHeadersCount = headerCountMax + 1
  server.maxConnections = limits.connectionsMax
  server.timeout = limits.silenceTimeoutMilliseconds
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.set(socket, undefined)
    socket.once('close', () => connections.delete(socket))
  })
  server.on('checkExpectation', (request, response) => {
    refuseExchange({ request, response }, 'expectation_failed', createRequestId(request))
  })
  server.on('connect', (request, socket) => {
    refuseSocket(socket, 'method_not_allowed', createRequestId(request), { allow: '' })
  })

  return {
    server,
    isDraining: () => isDraining,
    isFull: () => inFlightCount > limits.requestsInFlightMax,
    refuseUnparsed,
    drain,
  }

  function accept(request: IncomingMessage, response: Exchange['response']): void {
    const { socket } = request
    const exchange: Exchange = { request, response }
    const previous = connections.get(socket)
    if (previous !== undefined && isClosing(previous)) return
    if (isDraining) {
      if (previous !== undefined) keepOpen(previous)
      makeLast(exchange)
    }
    connections.set(socket, exchange)
    inFlightCount += 1
    // It closes once: `once` would only have to make a wrapper and to take it off again.
    response.on('close', () => {
      inFlightCount -= 1
      if (connections.get(socket) !== exchange) return
      // An answer whose headers had gone out before the drain began left its connection open.
      if (isDraining) socket.end()
      // An idle connection keeps nothing of what it has carried: there may be ten thousand.
      else if (response.shouldKeepAlive) connections.set(socket, undefined)
    })
    listener(request, response)
  }

  function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    if (condemned.has(socket)) return
    condemned.add(socket)
    const code = codeOfParser(error.code)
    const last = connections.get(socket)
    if (last === undefined || last.response.writableFinished) {
      return refuseSocket(socket, code, createRequestId({ headers: {} }))
    }
    // The broken bytes are the rest of a request that is in flight, or what follows it.
    if (!last.request.complete) return refuseExchange(last, code, createRequestId(last.request))
    last.response.once('close', () => refuseSocket(socket, code, createRequestId({ headers: {} })))
  }

  async function drain(limitMilliseconds: number): Promise<void> {
    isDraining = true
    const closed = new Promise<void>((resolve) => {
      if (!server.listening) return resolve()
      // Not as the HTTP server closes: that cuts idle connections at once, and with them requests
      // that have arrived and are not read yet. Under load that was dozens (test/faults/stop).
      NetServer.prototype.close.call(server, () => resolve())
    })
    for (const exchange of connections.values()) {
      if (exchange && !exchange.response.headersSent) makeLast(exchange)
    }
    const { idleGraceMilliseconds } = limits
    const grace = setTimeout(
      // After a stall the timer runs before the sockets are read; the immediate runs after.
      () => void setImmediate(closeIdle),
      Math.min(idleGraceMilliseconds, limitMilliseconds),
    )
    const cut = setTimeout(() => server.closeAllConnections(), limitMilliseconds)
    await closed
    clearTimeout(grace)
    clearTimeout(cut)
  }

  function closeIdle(): void {
    server.closeIdleConnections()
    for (const socket of connections.keys()) {
      // Node takes a connection on which nothing was ever sent for a busy one.
      if (socket.bytesRead === 0) socket.destroy()
    }
  }
}

/** True when the answer closes the connection for certain: what comes after it is not processed. */
function isClosing({ response, isLastOfDrain }: Exchange): boolean {
  return !response.shouldKeepAlive && (response.headersSent || isLastOfDrain !== true)
}

/** Makes an answer close its connection, unless the client has asked for that itself. */
function makeLast(exchange: Exchange): void {
  if (!exchange.response.shouldKeepAlive) return
  exchange.response.shouldKeepAlive = false
  exchange.isLastOfDrain = true
}

/** Takes that back, since another request has arrived behind it. */
function keepOpen(exchange: Exchange): void {
  exchange.response.shouldKeepAlive = true
  exchange.isLastOfDrain = false
}

function createPlainOrTls({ tls, limits }: ConnectionsOptions, listener: RequestListener): Server {
  const settings = {
    maxHeaderSize: headerBytesMax,
    headersTimeout: limits.headersTimeoutMilliseconds,
    requestTimeout: limits.requestTimeoutMilliseconds,
    // Idle connections are silent ones; a limit of their own takes two more timers for each request.
    keepAliveTimeout: 0,
    connectionsCheckingInterval: limits.timeoutCheckMilliseconds,
    // A missing Host is refused with a problem document (framing.ts) and not with Node's empty body.
    requireHostHeader: false,
    insecureHTTPParser: false,
  }
  const server = tls
    ? createTlsServer({ ...settings, ...tls }, listener)
    : createServer(settings, listener)
  // A client that has said all (`printf ... | nc`) still gets its answer. Node has this switch and no
  // option for it: without, it ends the connection under the request that it has just passed on.
  return Object.assign(server, { httpAllowHalfOpen: true })
}

function codeOfParser(code: string | undefined) {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout'
  return 'malformed_request'
}
