import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createKeyRing, endlessKeyRing } from '../tokens/key-ring.ts'
import type { VaultStore } from './vault-store.ts'
import { createVault } from './vault.ts'

const key = () => new Uint8Array(randomBytes(32))
const secret = new TextEncoder().encode('12345678901234567890')
const alice = '01980000-0000-7000-8000-000000000001'
const bob = '01980000-0000-7000-8000-000000000002'
const forever = new Date('9999-01-01T00:00:00.000Z')

function memoryStore(): VaultStore & { sealed: Buffer | undefined; isUsed: boolean } {
  return {
    sealed: undefined,
    async read() {
      return this.sealed
    },
    async insert(sealed) {
      this.sealed ??= Buffer.from(sealed)
    },
    isUsed: true,
    async replaceUnused(before, after) {
      if (!this.isUsed) await this.replace(before, after)
    },
    async replace(before, after) {
      if (this.sealed?.equals(before)) this.sealed = Buffer.from(after)
    },
  }
}

describe('a secret of a user', () => {
  it('is read again by every server with the key, and not without', async () => {
    const store = memoryStore()
    const token = key()
    const sealed = await createVault({ ring: endlessKeyRing([token]), store }).seal(alice, secret)
    expect(sealed.includes(Buffer.from(secret))).toBe(false)
    const other = createVault({ ring: endlessKeyRing([token]), store })
    expect(await other.open(alice, sealed)).toEqual(secret)
    const stranger = createVault({ ring: endlessKeyRing([key()]), store })
    await expect(stranger.open(alice, sealed)).rejects.toThrow(
      'a token key that is no longer given',
    )
    await expect(stranger.keep()).rejects.toThrow('a token key that is no longer given')
  })

  it('of one user is none of another one', async () => {
    const vault = createVault({ ring: endlessKeyRing([key()]), store: memoryStore() })
    const sealed = await vault.seal(alice, secret)
    await expect(vault.open(bob, sealed)).rejects.toThrow('a secret of that user')
  })

  it('is sealed in another way each time, and a changed byte is noticed', async () => {
    const vault = createVault({ ring: endlessKeyRing([key()]), store: memoryStore() })
    const [first, second] = [await vault.seal(alice, secret), await vault.seal(alice, secret)]
    expect(first.equals(second)).toBe(false)
    for (const index of [0, 24, first.length - 1]) {
      const changed = Buffer.from(first)
      changed[index] = (changed[index] ?? 0) ^ 1
      await expect(vault.open(alice, changed)).rejects.toThrow('a secret of that user')
    }
  })

  it('outlives the token key, once a server has had the next one beside it', async () => {
    const store = memoryStore()
    const [old, next] = [key(), key()]
    const ring = createKeyRing({ signing: old, accepted: [] })
    const vault = createVault({ ring, store })
    await vault.keep()
    const sealed = await vault.seal(alice, secret)
    ring.replace({ signing: next, accepted: [{ key: old, until: forever }] })
    await vault.keep()
    const later = createVault({ ring: endlessKeyRing([next]), store })
    expect(await later.open(alice, sealed)).toEqual(secret)
    const before = createVault({ ring: endlessKeyRing([old]), store })
    await expect(before.open(alice, sealed)).rejects.toThrow('no longer given')
  })

  it('whose key is gone for good makes way for others, once there is none any more', async () => {
    const store = memoryStore()
    await createVault({ ring: endlessKeyRing([key()]), store }).seal(alice, secret)
    const vault = createVault({ ring: endlessKeyRing([key()]), store })
    await expect(vault.seal(bob, secret)).rejects.toThrow('no longer given')
    store.isUsed = false
    const sealed = await vault.seal(bob, secret)
    expect(await vault.open(bob, sealed)).toEqual(secret)
  })

  it('is under one data key, also when two servers make the first one at once', async () => {
    const store = memoryStore()
    const ring = endlessKeyRing([key()])
    const vaults = [createVault({ ring, store }), createVault({ ring, store })] as const
    const sealed = await Promise.all(vaults.map((vault) => vault.seal(alice, secret)))
    for (const vault of vaults) {
      for (const one of sealed) expect(await vault.open(alice, one)).toEqual(secret)
    }
  })
})
