/**
 * The keys of tokens at present: one that signs and any number that are still accepted, each until
 * an end of its own. It can be replaced while the server runs, which is in force at the next token
 * that is made or checked; whoever keeps something made from the keys notices by `current()`, which
 * gives the same list until then.
 */
import type { TokenKeys } from './envelope.ts'
import type { AcceptedKey } from './token-key.ts'

export interface TokenKeySet {
  signing: Uint8Array
  accepted: readonly AcceptedKey[]
}

export interface RingKey {
  key: Uint8Array
  /** Milliseconds since 1970; infinite for the key that signs. */
  until: number
}

export type RingKeys = readonly [RingKey, ...RingKey[]]

export interface KeyRing {
  /** The one that signs comes first. Those whose end has passed may still be there. */
  current(): RingKeys
  replace(keys: TokenKeySet): void
}

export function createKeyRing(keys: TokenKeySet): KeyRing {
  let ring = toRing(keys)
  return {
    current: () => ring,
    replace(next) {
      ring = toRing(next)
    },
  }
}

/** A ring of keys without an end, the first of which signs. */
export function endlessKeyRing([signing, ...others]: TokenKeys): KeyRing {
  const forever = new Date(8_640_000_000_000_000)
  return createKeyRing({ signing, accepted: others.map((key) => ({ key, until: forever })) })
}

function toRing({ signing, accepted }: TokenKeySet): RingKeys {
  return [
    { key: signing, until: Infinity },
    ...accepted.map(({ key, until }) => ({ key, until: until.getTime() })),
  ]
}
