/** How a token hides or signs its claims; what the claims mean is in claims.ts. */

/** The first key seals. The others only open, so that a key can be replaced with an overlap. */
export type TokenKeys = readonly [Uint8Array, ...Uint8Array[]]

export interface TokenEnvelope {
  /** How the standard of this envelope writes times: JWT as seconds, PASETO as RFC 3339. */
  times: 'numeric' | 'rfc3339'
  seal(payload: string): string
  /** The payload of a genuine token, or `undefined` for any other text. Never throws for a text. */
  open(text: string): Uint8Array | undefined
}
