/**
 * JWT with HS256 (RFC 7519, RFC 7515 and RFC 7518, section 3.2).
 *
 * The header is compared as text with those that our keys write. So there is no algorithm to choose
 * and nothing to interpret: `none`, RS256, `jwk`, `jku`, `x5u`, `crit` and a `kid` that we do not
 * know are all just another text. What is left of the standard is one HMAC, which Node computes at
 * once; jose would go through a thread of libuv for each token, and those are busy with passwords.
 * Tests hold this to jose in both directions.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import type { TokenEnvelope, TokenKeys } from './envelope.ts'
import { tokenKeyId } from './token-key.ts'

const signatureBytes = 32

export function createJwtEnvelope(keys: TokenKeys): TokenEnvelope {
  const keyOfHeader = new Map(keys.map((key) => [headerOf(key), key]))
  const [signingKey] = keys
  const signingHeader = headerOf(signingKey)

  function seal(payload: string): string {
    const text = `${signingHeader}.${encodeBase64url(Buffer.from(payload))}`
    return `${text}.${encodeBase64url(sign(signingKey, text))}`
  }

  function open(text: string): Uint8Array | undefined {
    const [header = '', payload = '', signature = '', more] = text.split('.', 4)
    const key = keyOfHeader.get(header)
    const payloadBytes = decodeBase64url(payload)
    const signatureSent = decodeBase64url(signature)
    if (key === undefined || payloadBytes === undefined || more !== undefined) return undefined
    if (signatureSent?.length !== signatureBytes) return undefined
    const isOurs = timingSafeEqual(signatureSent, sign(key, `${header}.${payload}`))
    return isOurs ? payloadBytes : undefined
  }

  return { times: 'numeric', seal, open }
}

function headerOf(key: Uint8Array): string {
  const header = { alg: 'HS256', typ: 'JWT', kid: tokenKeyId('jwt', key) }
  return encodeBase64url(Buffer.from(JSON.stringify(header)))
}

function sign(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
