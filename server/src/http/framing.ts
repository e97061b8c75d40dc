/**
 * What Node's HTTP parser lets through and RFC 9112 does not: several Host headers or none, a
 * request line for another host, header lists that Node would silently cut, a body in codings that
 * nobody takes off, two types for one body.
 */
import type { IncomingMessage } from 'node:http'
import { countHeader } from './headers.ts'
import type { ProblemCode } from './problem-catalog.ts'

export const headerCountMax = 100
export const headerBytesMax = 16 * 1024

const hostSyntax = /^[A-Za-z0-9._~%[\]:-]+$/

/** The problem with how a request is framed, if there is one. */
export function framingProblem(request: IncomingMessage): ProblemCode | undefined {
  const { rawHeaders, headers, httpVersionMinor, httpVersionMajor } = request
  // Node keeps one header more than the limit, so that this shows that there were too many.
  if (rawHeaders.length > headerCountMax * 2) return 'headers_too_large'
  if (httpVersionMajor !== 1) return 'malformed_request'
  const hostCount = countHeader(rawHeaders, 'host')
  if (hostCount > 1 || (hostCount === 0 && httpVersionMinor > 0)) return 'malformed_request'
  if (headers.host !== undefined && !hostSyntax.test(headers.host)) return 'malformed_request'
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'malformed_request'
  if (countHeader(rawHeaders, 'content-type') > 1) return 'malformed_request'
  const url = request.url ?? ''
  if (!url.startsWith('/') && url !== '*') return 'misdirected_request'
  return undefined
}

/**
 * The path of a request line. An absolute one (`GET http://bank/v1/...`, RFC 9112, section 3.2.2)
 * for the very host of the Host header is served; one for another host stays as it is, which
 * {@link framingProblem} refuses.
 */
export function originForm({
  url = '/',
  headers,
}: Pick<IncomingMessage, 'url' | 'headers'>): string {
  if (url.startsWith('/')) return url
  const match = /^https?:\/\/([^/?#]+)(\/.*)?$/i.exec(url)
  if (match?.[1] === undefined || match[1].toLowerCase() !== headers.host?.toLowerCase()) return url
  return match[2] ?? '/'
}
