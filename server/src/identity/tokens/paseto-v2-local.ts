/**
 * PASETO v2.local (paseto-spec, docs/01-Protocol-Versions/Version2.md): XChaCha20-Poly1305. The
 * nonce is a keyed BLAKE2b of the message, so that a weak source of random bytes does not repeat one.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake2b } from '@noble/hashes/blake2.js'
import {
  preAuthEncode,
  type PasetoLocal,
  type PasetoOpening,
  type PasetoSealing,
} from './paseto-encoding.ts'

const header = 'v2.local.'
const headerBytes = Buffer.from(header)
const nonceBytes = 24
const tagBytes = 16

export const pasetoV2Local: PasetoLocal = { header, nonceBytes, encrypt, decrypt }

function encrypt({ key, nonce: random, message, footer }: PasetoSealing): Uint8Array {
  const nonce = blake2b(message, { key: random, dkLen: nonceBytes })
  const associated = preAuthEncode([headerBytes, nonce, footer])
  return Buffer.concat([nonce, xchacha20poly1305(key, nonce, associated).encrypt(message)])
}

function decrypt({ key, body, footer }: PasetoOpening): Uint8Array | undefined {
  if (body.length < nonceBytes + tagBytes) return undefined
  const nonce = body.subarray(0, nonceBytes)
  const associated = preAuthEncode([headerBytes, nonce, footer])
  try {
    return xchacha20poly1305(key, nonce, associated).decrypt(body.subarray(nonceBytes))
  } catch {
    // With sizes checked above, the only failure left is a tag that does not match.
    return undefined
  }
}
