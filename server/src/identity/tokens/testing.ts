/** What tests of tokens share: makers of each kind with one key, on a clock that can be set. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import type { TokenKeys } from './envelope.ts'
import { endlessKeyRing } from './key-ring.ts'
import { createTokenMaker, type TokenMakerKind, type TokenMakerOptions } from './token-maker.ts'

export const kinds: TokenMakerKind[] = ['paseto_v4', 'paseto_v2', 'jwt']
export const key = new Uint8Array(randomBytes(32))
export const start = Date.parse('2026-03-01T12:00:00.000Z')
const nextId = createUuidSource()
export const request = {
  kind: 'access',
  userId: nextId(),
  username: 'alice_01',
  sessionId: nextId(),
  epoch: 3,
  durationSeconds: 900,
} as const

export function settableClock(milliseconds = start): Clock & { set(milliseconds: number): void } {
  let present = milliseconds
  return {
    now: () => new Date(present),
    set: (next) => {
      present = next
    },
  }
}

export function makerOf(
  kind: TokenMakerKind,
  { keys = [key], ...changes }: Partial<TokenMakerOptions> & { keys?: TokenKeys } = {},
) {
  const options = { issuer: 'tallystick', audience: 'tallystick', clock: settableClock() }
  return createTokenMaker({ kind, ring: endlessKeyRing(keys), ...options, ...changes })
}

export const invalid = { ok: false, code: 'token_invalid' }
export const expired = { ok: false, code: 'token_expired' }
