/** What all versions of PASETO share: the form of a token and the pre-authentication encoding. */
import { decodeBase64url, encodeBase64url } from './base64url.ts'

export interface PasetoParts {
  body: Uint8Array
  footer: Uint8Array
}

/** One version of `local` tokens: encrypted and authenticated with one shared key of 32 bytes. */
export interface PasetoLocal {
  header: 'v2.local.' | 'v4.local.'
  /** Random bytes that go into each token. */
  nonceBytes: number
  encrypt(sealing: PasetoSealing): Uint8Array
  /** The message, or `undefined` when the token was not made with this key. */
  decrypt(opening: PasetoOpening): Uint8Array | undefined
}

export interface PasetoSealing {
  key: Uint8Array
  /** Fresh random bytes; given only so that the published vectors can be checked. */
  nonce: Uint8Array
  message: Uint8Array
  footer: Uint8Array
  /** Authenticated and not in the token. Only version 4 has it. */
  implicitAssertion: Uint8Array
}

export interface PasetoOpening extends PasetoParts {
  key: Uint8Array
  implicitAssertion: Uint8Array
}

export const noBytes = new Uint8Array(0)

/** Splits a token of that header, or `undefined` for any text that is not its canonical form. */
export function parsePaseto(header: string, text: string): PasetoParts | undefined {
  if (!text.startsWith(header)) return undefined
  const [body, footer, more] = text.slice(header.length).split('.', 3)
  // An empty footer has no dot: with one, the same token would have a second spelling.
  if (body === undefined || footer === '' || more !== undefined) return undefined
  const bodyBytes = decodeBase64url(body)
  const footerBytes = footer === undefined ? noBytes : decodeBase64url(footer)
  return bodyBytes && footerBytes && { body: bodyBytes, footer: footerBytes }
}

export function formatPaseto(header: string, parts: PasetoParts): string {
  const text = header + encodeBase64url(parts.body)
  return parts.footer.length === 0 ? text : `${text}.${encodeBase64url(parts.footer)}`
}

/** PAE of the PASETO specification: a count, then each piece behind its length, 64 bits each. */
export function preAuthEncode(pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([littleEndian64(pieces.length), ...pieces.flatMap(withLength)])
}

function withLength(piece: Uint8Array): Uint8Array[] {
  return [littleEndian64(piece.length), piece]
}

function littleEndian64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
