/** Base64url without padding (RFC 4648, section 5), in its one canonical spelling. */

/**
 * The bytes of a canonical base64url text, or `undefined`. Node's decoder skips what it does not
 * know and ignores the spare bits of the last character, so that one token would have many texts:
 * only a text that encodes back to itself is taken.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}
