/** Headers: as requests sent them, and as every answer has them. */

/**
 * How often a header was sent: Node keeps only the first of some repeated ones. `rawHeaders` is the
 * list of names and values; `name` is in lower case.
 */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index]
    if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1
  }
  return count
}

/**
 * What an answer of an API says about itself: never stored, never framed, never sniffed, never run.
 * A constant table: helmet builds its own for each request anew, in two asynchronous hooks, for the
 * same lines. Pages for people replace the policy by their own.
 */
export const commonHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
} as const

/** Added where the server itself speaks TLS: browsers stay with it for a year. */
export const tlsHeaders = { 'strict-transport-security': 'max-age=31536000' } as const
