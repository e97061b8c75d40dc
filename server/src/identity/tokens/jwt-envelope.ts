/**
 * JWT with HS256 (RFC 7519, RFC 7515), signed and checked by jose.
 *
 * The header is compared as text with those that our keys write. So there is no algorithm to choose
 * and nothing to interpret: `none`, RS256, `jwk`, `jku`, `x5u`, `crit` and a `kid` that we do not
 * know are all just another text.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { CompactSign, compactVerify, errors } from 'jose'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import type { TokenEnvelope, TokenKeys } from './envelope.ts'
import { tokenKeyId } from './token-key.ts'

export function createJwtEnvelope(keys: TokenKeys): TokenEnvelope {
  const keyOfHeader = new Map<string, KeyObject>()
  for (const key of keys) {
    keyOfHeader.set(
      encodeBase64url(Buffer.from(JSON.stringify(headerOf(key)))),
      createSecretKey(key),
    )
  }
  const signingHeader = headerOf(keys[0])
  const signingKey = createSecretKey(keys[0])

  async function seal(payload: string): Promise<string> {
    const signature = new CompactSign(Buffer.from(payload)).setProtectedHeader(signingHeader)
    return await signature.sign(signingKey)
  }

  async function open(text: string): Promise<Uint8Array | undefined> {
    const [header = '', payload, signature, more] = text.split('.', 4)
    const key = keyOfHeader.get(header)
    if (key === undefined || payload === undefined || signature === undefined) return undefined
    if (more !== undefined || decodeBase64url(payload) === undefined) return undefined
    if (decodeBase64url(signature)?.length !== 32) return undefined
    try {
      return (await compactVerify(text, key, { algorithms: ['HS256'] })).payload
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined
      throw error
    }
  }

  return { times: 'numeric', seal, open }
}

function headerOf(key: Uint8Array) {
  return { alg: 'HS256', typ: 'JWT', kid: tokenKeyId('jwt', key) }
}
