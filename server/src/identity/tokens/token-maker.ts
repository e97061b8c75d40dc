/**
 * The one way to make and to check tokens, whatever their kind.
 *
 * Invariants: a token has one spelling, one kind, one issuer, one audience (its kind's own) and one
 * key; any other text is `token_invalid`, without a hint which check failed. `token_expired` is said
 * only of a token that is genuine in all else, so that a client knows when to log in again. What was
 * verified is remembered by its exact text; its times and the end of its key are checked at each use,
 * and all is forgotten when the keys are replaced. Bounds: `tokenLengthMax`
 * characters, `cacheSizeMax` remembered tokens of about 1 KiB each.
 */
import { assert, present, unreachable } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import { decodeClaims, encodeClaims, type TokenClaims, type TokenKind } from './claims.ts'
import type { TokenEnvelope, TokenKeys } from './envelope.ts'
import { createJwtEnvelope } from './jwt-envelope.ts'
import type { KeyRing, RingKeys } from './key-ring.ts'
import { createPasetoEnvelope } from './paseto-envelope.ts'
import { pasetoV2Local } from './paseto-v2-local.ts'
import { pasetoV4Local } from './paseto-v4-local.ts'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.ts'

export type TokenMakerKind = 'paseto_v4' | 'paseto_v2' | 'jwt'

export interface TokenRequest {
  kind: TokenKind
  userId: Uuid
  username: string
  sessionId: Uuid
  /** The access epoch of the user: the token counts while it is theirs. */
  epoch: number
  durationSeconds: number
}

export type TokenVerdict =
  | { ok: true; claims: TokenClaims }
  | { ok: false; code: 'token_invalid' | 'token_expired' }

export interface TokenMaker {
  create(request: TokenRequest): { text: string; claims: TokenClaims }
  /** Never throws because of the text. */
  verify(text: string): TokenVerdict
}

export interface TokenMakerOptions {
  kind: TokenMakerKind
  ring: KeyRing
  issuer: string
  /** Of access tokens. */
  audience: string
  clock: Clock
  cacheSizeMax?: number
}

const tokenLengthMax = 4096

/** How far the clock of the server that made a token may be ahead of ours. */
const clockLeewayMilliseconds = 5000

const invalid: TokenVerdict = { ok: false, code: 'token_invalid' }
const expired: TokenVerdict = { ok: false, code: 'token_expired' }

/** What the audience of each kind of token has behind that of access tokens. */
const audienceSuffix = { access: '' } as const satisfies Record<TokenKind, string>

/** Everything that is made from the keys, and so is made anew with them. */
interface Sealing {
  ring: RingKeys
  /** In the order of the ring, each with the end of its key. */
  envelopes: { envelope: TokenEnvelope; until: number }[]
  cache: VerifiedCache<Verified>
}

interface Verified {
  claims: TokenClaims
  /** The end of its key. */
  until: number
}

export function createTokenMaker(options: TokenMakerOptions): TokenMaker {
  const { ring, issuer, clock, cacheSizeMax = 10_000 } = options
  const nextTokenId = createUuidSource(() => clock.now().getTime())
  const audienceOf = (kind: TokenKind) => options.audience + audienceSuffix[kind]
  let sealing = createSealing(ring.current())

  function createSealing(keys: RingKeys): Sealing {
    const envelopes = keys.map(({ key, until }) => {
      return { envelope: createTokenEnvelope(options.kind, [key]), until }
    })
    return { ring: keys, envelopes, cache: createVerifiedCache<Verified>(cacheSizeMax) }
  }

  function current(): Sealing {
    const keys = ring.current()
    if (keys !== sealing.ring) sealing = createSealing(keys)
    return sealing
  }

  function create(request: TokenRequest): { text: string; claims: TokenClaims } {
    const { durationSeconds, ...subject } = request
    assert(Number.isSafeInteger(durationSeconds) && durationSeconds > 0, 'a token lasts seconds')
    const issuedAt = Math.floor(clock.now().getTime() / 1000) * 1000
    const times = { issuedAt, notBefore: issuedAt, expiresAt: issuedAt + durationSeconds * 1000 }
    const names = { issuer, audience: audienceOf(request.kind) }
    const claims = { ...subject, tokenId: nextTokenId(), ...names, ...times }
    const envelope = present(current().envelopes[0], 'the key that signs').envelope
    return { text: envelope.seal(encodeClaims(claims, envelope.times)), claims }
  }

  function verify(text: string): TokenVerdict {
    const { cache, envelopes } = current()
    const known = cache.get(text)
    if (known !== undefined) return judge(text, known)
    if (text.length > tokenLengthMax) return invalid
    for (const { envelope, until } of envelopes) {
      const payload = envelope.open(text)
      if (payload === undefined) continue
      const claims = decodeClaims(payload, envelope.times)
      if (claims?.issuer !== issuer || claims.audience !== audienceOf('access')) return invalid
      const verdict = judge(text, { claims, until })
      if (verdict.ok) cache.set(text, { claims, until })
      return verdict
    }
    return invalid
  }

  function judge(text: string, { claims, until }: Verified): TokenVerdict {
    const now = clock.now().getTime()
    if (now >= until) return invalid
    if (now + clockLeewayMilliseconds < claims.issuedAt) return invalid
    if (now + clockLeewayMilliseconds < claims.notBefore) return invalid
    if (now < claims.expiresAt) return { ok: true, claims }
    sealing.cache.delete(text)
    return expired
  }

  return { create, verify }
}

/** The envelope of a kind; by itself only for tests, which seal what a maker never would. */
export function createTokenEnvelope(kind: TokenMakerKind, keys: TokenKeys): TokenEnvelope {
  switch (kind) {
    case 'paseto_v4':
      return createPasetoEnvelope(pasetoV4Local, keys)
    case 'paseto_v2':
      return createPasetoEnvelope(pasetoV2Local, keys)
    case 'jwt':
      return createJwtEnvelope(keys)
    default:
      return unreachable(kind)
  }
}
