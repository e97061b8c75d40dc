/** Problem documents for requests that never reach Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { commonHeaders } from './headers.ts'
import { problemContentType, renderProblem } from './problem.ts'
import { problemCatalog, retryAfterSeconds, type ProblemCode } from './problem-catalog.ts'

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  /** It closes the connection only because of a drain: see connections.ts. */
  isLastOfDrain?: boolean
}

/** How long a client may take to read a refusal before the connection is cut. */
const lingerMilliseconds = 1_000

/** Answers in the place of Fastify and closes the connection, after the answers before it. */
export function refuseExchange(
  { request, response }: Exchange,
  code: ProblemCode,
  requestId: string,
): void {
  const { socket } = request
  response.once('close', () => linger(socket))
  if (response.headersSent) return void socket.destroy()
  response.shouldKeepAlive = false
  const body = renderProblem(code, { requestId })
  response.writeHead(problemCatalog[code].status, headersOf(code, requestId, body))
  response.end(body)
}

/** Answers on a connection that has no request, and closes it. */
export function refuseSocket(
  socket: Duplex,
  code: ProblemCode,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (!socket.writable) return void socket.destroy()
  const body = renderProblem(code, { requestId })
  const { status } = problemCatalog[code]
  const lines = Object.entries({
    ...headersOf(code, requestId, body),
    ...headers,
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  linger(socket)
}

// Closing at once would reset the connection while the client still sends, and a reset makes it
// lose the answer that it has not read yet.
function linger(socket: Duplex): void {
  const cut = setTimeout(() => socket.destroy(), lingerMilliseconds)
  socket.once('close', () => clearTimeout(cut))
}

function headersOf(code: ProblemCode, requestId: string, body: string): Record<string, string> {
  return {
    ...commonHeaders,
    'request-id': requestId,
    'content-type': problemContentType,
    'content-length': String(Buffer.byteLength(body)),
    ...(problemCatalog[code].status === 503 && { 'retry-after': String(retryAfterSeconds) }),
  }
}
