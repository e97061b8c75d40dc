/**
 * What a token says. The seal shows that we wrote it; the checks here keep a token of another kind,
 * issuer or time from being taken for an access token, and a defect of ours from spreading.
 */
import { decodeId, encodeId, type Uuid } from '../../kernel/ids.ts'
import type { TokenEnvelope } from './envelope.ts'

/** Kinds of token. One is never taken for another. */
export type TokenKind = 'access'

export interface TokenClaims {
  tokenId: Uuid
  userId: Uuid
  username: string
  kind: TokenKind
  sessionId: Uuid
  /** The user's access epoch when the token was made: see migration 0005. */
  epoch: number
  issuer: string
  audience: string
  /** Milliseconds since 1970, whole seconds, as are the next two. */
  issuedAt: number
  notBefore: number
  expiresAt: number
}

type TimeForm = TokenEnvelope['times']

/** 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. */
const timeMax = 253_402_300_799_000

export function encodeClaims(claims: TokenClaims, times: TimeForm): string {
  return JSON.stringify({
    jti: encodeId('tok', claims.tokenId),
    sub: encodeId('user', claims.userId),
    username: claims.username,
    kind: claims.kind,
    sid: encodeId('sess', claims.sessionId),
    epoch: claims.epoch,
    iss: claims.issuer,
    aud: claims.audience,
    iat: encodeTime(claims.issuedAt, times),
    nbf: encodeTime(claims.notBefore, times),
    exp: encodeTime(claims.expiresAt, times),
  })
}

/** The claims of a payload, or `undefined` when any is missing, repeated or not what we write. */
export function decodeClaims(payload: Uint8Array, times: TimeForm): TokenClaims | undefined {
  const members = parseCanonicalJson(payload)
  if (members === undefined) return undefined
  const { username, kind, epoch, iss: issuer, aud: audience } = members
  const tokenId = decodeIdMember('tok', members['jti'])
  const userId = decodeIdMember('user', members['sub'])
  const sessionId = decodeIdMember('sess', members['sid'])
  const issuedAt = decodeTime(members['iat'], times)
  const notBefore = decodeTime(members['nbf'], times)
  const expiresAt = decodeTime(members['exp'], times)
  if (tokenId === undefined || userId === undefined || sessionId === undefined) return undefined
  if (issuedAt === undefined || notBefore === undefined || expiresAt === undefined) return undefined
  if (typeof username !== 'string' || !/^[a-z0-9_]{3,64}$/.test(username)) return undefined
  if (kind !== 'access' || typeof issuer !== 'string' || typeof audience !== 'string') {
    return undefined
  }
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 0) return undefined
  if (notBefore > issuedAt || issuedAt >= expiresAt) return undefined
  const ids = { tokenId, userId, username, kind, sessionId, epoch } as const
  return { ...ids, issuer, audience, issuedAt, notBefore, expiresAt }
}

/**
 * An object whose text is exactly what `JSON.stringify` writes for it: no member twice, no white
 * space, no `1.0` or `1e3`, no second spelling of a string.
 */
function parseCanonicalJson(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || JSON.stringify(value) !== text) return undefined
    return value
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function decodeIdMember(prefix: 'tok' | 'user' | 'sess', value: unknown): Uuid | undefined {
  return typeof value === 'string' ? decodeId(prefix, value) : undefined
}

function encodeTime(milliseconds: number, times: TimeForm): number | string {
  return times === 'numeric' ? milliseconds / 1000 : new Date(milliseconds).toISOString()
}

function decodeTime(value: unknown, times: TimeForm): number | undefined {
  const milliseconds = times === 'numeric' ? decodeSeconds(value) : decodeTimestamp(value)
  if (milliseconds === undefined || milliseconds < 0 || milliseconds > timeMax) return undefined
  return milliseconds
}

function decodeSeconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value * 1000 : undefined
}

function decodeTimestamp(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const milliseconds = Date.parse(value)
  if (Number.isNaN(milliseconds) || milliseconds % 1000 !== 0) return undefined
  return new Date(milliseconds).toISOString() === value ? milliseconds : undefined
}
