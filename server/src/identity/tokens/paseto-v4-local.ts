/**
 * PASETO v4.local (paseto-spec, docs/01-Protocol-Versions/Version4.md): XChaCha20, then a keyed
 * BLAKE2b over header, nonce, ciphertext, footer and implicit assertion, both keys derived from the
 * nonce.
 */
import { timingSafeEqual } from 'node:crypto'
import { xchacha20 } from '@noble/ciphers/chacha.js'
import { blake2b } from '@noble/hashes/blake2.js'
import {
  preAuthEncode,
  type PasetoLocal,
  type PasetoOpening,
  type PasetoSealing,
} from './paseto-encoding.ts'

const header = 'v4.local.'
const headerBytes = Buffer.from(header)
const nonceBytes = 32
const tagBytes = 32
const encryptionKeyDomain = Buffer.from('paseto-encryption-key')
const authenticationKeyDomain = Buffer.from('paseto-auth-key-for-aead')

export const pasetoV4Local: PasetoLocal = { header, nonceBytes, encrypt, decrypt }

function encrypt(sealing: PasetoSealing): Uint8Array {
  const { key, nonce, message, footer, implicitAssertion } = sealing
  const keys = deriveKeys(key, nonce)
  const ciphertext = xchacha20(keys.encryption, keys.streamNonce, message)
  const pieces = [headerBytes, nonce, ciphertext, footer, implicitAssertion]
  return Buffer.concat([nonce, ciphertext, authenticate(keys.authentication, pieces)])
}

function decrypt({ key, body, footer, implicitAssertion }: PasetoOpening): Uint8Array | undefined {
  if (body.length < nonceBytes + tagBytes) return undefined
  const nonce = body.subarray(0, nonceBytes)
  const ciphertext = body.subarray(nonceBytes, -tagBytes)
  const keys = deriveKeys(key, nonce)
  const pieces = [headerBytes, nonce, ciphertext, footer, implicitAssertion]
  const tag = authenticate(keys.authentication, pieces)
  if (!timingSafeEqual(tag, body.subarray(-tagBytes))) return undefined
  return xchacha20(keys.encryption, keys.streamNonce, ciphertext)
}

function deriveKeys(key: Uint8Array, nonce: Uint8Array) {
  const derived = blake2b(Buffer.concat([encryptionKeyDomain, nonce]), { key, dkLen: 56 })
  return {
    encryption: derived.subarray(0, 32),
    streamNonce: derived.subarray(32),
    authentication: blake2b(Buffer.concat([authenticationKeyDomain, nonce]), { key, dkLen: 32 }),
  }
}

function authenticate(key: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array {
  return blake2b(preAuthEncode(pieces), { key, dkLen: tagBytes })
}
