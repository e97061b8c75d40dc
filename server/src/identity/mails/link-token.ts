/**
 * The secret in a mailed link: 32 random bytes, of which the database keeps a hash only. Nobody can
 * guess one, so a plain SHA-256 is enough and the hash can be looked up by an index.
 */
import { createHash, randomBytes } from 'node:crypto'

/** The form of every token: 43 characters of base64url. */
export const linkTokenPattern = '^[A-Za-z0-9_-]{43}$'

export function createLinkToken(): { text: string; hash: Buffer } {
  const text = randomBytes(32).toString('base64url')
  return { text, hash: hashLinkToken(text) }
}

/** Of the text and not of the bytes it stands for, which some other texts stand for as well. */
export function hashLinkToken(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
