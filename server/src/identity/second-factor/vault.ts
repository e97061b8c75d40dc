/**
 * Secrets of users that the bank has to read again, sealed so that a copy of the database does not
 * tell them: XChaCha20-Poly1305 under one random data key, bound to the user.
 *
 * The data key is in the database too, sealed under a key derived (HKDF) from the token key. When the
 * ring signs with another key, the data key is sealed anew, in one row; every key of the ring opens it
 * meanwhile. So a token key may go once a server has run with the new one beside it.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { present } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { KeyRing, RingKeys } from '../tokens/key-ring.ts'
import type { VaultStore } from './vault-store.ts'

export interface Vault {
  seal(userId: Uuid, secret: Uint8Array): Promise<Buffer>
  open(userId: Uuid, sealed: Uint8Array): Promise<Uint8Array>
  /** Seals the data key under the key that signs, unless it is. To be called now and then. */
  keep(): Promise<void>
}

const keyBytes = 32
const nonceBytes = 24
const encoder = new TextEncoder()

export function createVault({ ring, store }: { ring: KeyRing; store: VaultStore }): Vault {
  let known: Uint8Array | undefined
  let keptFor: RingKeys | undefined

  async function dataKey(): Promise<Uint8Array> {
    if (known !== undefined) return known
    const stored = await store.read()
    if (stored === undefined) await store.insert(freshKey())
    else if (tryUnwrap(stored) === undefined) await store.replaceUnused(stored, freshKey())
    known = unwrap(present(await store.read(), 'the data key that was just stored')).dataKey
    return known
  }

  /** Another server may store its own first: what counts is what is read afterwards. */
  function freshKey(): Uint8Array {
    const [signing] = ring.current()
    const fresh = new Uint8Array(randomBytes(keyBytes))
    return sealBytes(wrappingKey(signing.key), 'data key', fresh)
  }

  function unwrap(sealed: Uint8Array): { dataKey: Uint8Array; isOfSigning: boolean } {
    const opened = tryUnwrap(sealed)
    if (opened !== undefined) return opened
    throw new Error(
      'the secrets of second factors cannot be read: they were sealed under a token key that is ' +
        'no longer given. Give it as an accepted key once more',
    )
  }

  function tryUnwrap(
    sealed: Uint8Array,
  ): { dataKey: Uint8Array; isOfSigning: boolean } | undefined {
    for (const [index, { key }] of ring.current().entries()) {
      const opened = openBytes(wrappingKey(key), 'data key', sealed)
      if (opened !== undefined) return { dataKey: opened, isOfSigning: index === 0 }
    }
    return undefined
  }

  return {
    async seal(userId, secret) {
      return Buffer.from(sealBytes(await dataKey(), userId, secret))
    },
    async open(userId, sealed) {
      return present(openBytes(await dataKey(), userId, sealed), 'a secret of that user')
    },
    async keep() {
      const keys = ring.current()
      if (keptFor === keys) return
      const sealed = await store.read()
      if (sealed !== undefined) {
        const { dataKey: opened, isOfSigning } = unwrap(sealed)
        known = opened
        const resealed = sealBytes(wrappingKey(keys[0].key), 'data key', opened)
        if (!isOfSigning) await store.replace(sealed, resealed)
      }
      keptFor = keys
    },
  }
}

function wrappingKey(tokenKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', tokenKey, '', 'tallystick data key', keyBytes))
}

/** The nonce and what is sealed; it opens for the same purpose only. */
function sealBytes(key: Uint8Array, purpose: string, bytes: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(randomBytes(nonceBytes))
  const cipher = xchacha20poly1305(key, nonce, encoder.encode(purpose))
  return new Uint8Array([...nonce, ...cipher.encrypt(bytes)])
}

function openBytes(key: Uint8Array, purpose: string, sealed: Uint8Array): Uint8Array | undefined {
  // A view of a pooled buffer is copied: the cipher takes plain arrays.
  const bytes = new Uint8Array(sealed)
  const nonce = bytes.subarray(0, nonceBytes)
  try {
    const cipher = xchacha20poly1305(key, nonce, encoder.encode(purpose))
    return cipher.decrypt(bytes.subarray(nonceBytes))
  } catch {
    return undefined
  }
}
