import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { CompactSign, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../kernel/clock.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import { encodeClaims, type TokenClaims } from './claims.ts'
import type { TokenKeys } from './envelope.ts'
import { createKeyRing, endlessKeyRing } from './key-ring.ts'
import { tokenKeyId } from './token-key.ts'
import {
  createTokenEnvelope,
  createTokenMaker,
  type TokenMakerKind,
  type TokenMakerOptions,
} from './token-maker.ts'

const kinds: TokenMakerKind[] = ['paseto_v4', 'paseto_v2', 'jwt']
const key = new Uint8Array(randomBytes(32))
const start = Date.parse('2026-03-01T12:00:00.000Z')
const nextId = createUuidSource()
const request = {
  kind: 'access',
  userId: nextId(),
  username: 'alice_01',
  sessionId: nextId(),
  epoch: 3,
  durationSeconds: 900,
} as const

function settableClock(milliseconds = start): Clock & { set(milliseconds: number): void } {
  let present = milliseconds
  return {
    now: () => new Date(present),
    set: (next) => {
      present = next
    },
  }
}

function makerOf(
  kind: TokenMakerKind,
  { keys = [key], ...changes }: Partial<TokenMakerOptions> & { keys?: TokenKeys } = {},
) {
  const options = { issuer: 'tallystick', audience: 'tallystick', clock: settableClock() }
  return createTokenMaker({ kind, ring: endlessKeyRing(keys), ...options, ...changes })
}

const invalid = { ok: false, code: 'token_invalid' }
const expired = { ok: false, code: 'token_expired' }

describe.each(kinds)('a %s token', (kind) => {
  const times = createTokenEnvelope(kind, [key]).times

  /** A token with our key whose payload is the usual one but for an edit of its text. */
  function sealEdited(edit: (payload: string) => string): string {
    const { claims } = makerOf(kind).create(request)
    return createTokenEnvelope(kind, [key]).seal(edit(encodeClaims(claims, times)))
  }

  function sealWith(members: Record<string, unknown>): string {
    return sealEdited((payload) => JSON.stringify({ ...JSON.parse(payload), ...members }))
  }

  function time(milliseconds: number): number | string {
    return times === 'numeric' ? milliseconds / 1000 : new Date(milliseconds).toISOString()
  }

  it('says what it was made with, at the first and at later uses', () => {
    const maker = makerOf(kind)
    const { text, claims } = maker.create(request)
    const { durationSeconds, ...subject } = request
    expect(claims).toMatchObject({ ...subject, issuedAt: start, notBefore: start })
    expect(claims.expiresAt).toBe(start + durationSeconds * 1000)
    for (let use = 0; use < 3; use += 1) {
      expect(maker.verify(text)).toEqual({ ok: true, claims })
    }
    expect(makerOf(kind).verify(text)).toEqual({ ok: true, claims })
  })

  it('is another one each time', () => {
    const maker = makerOf(kind)
    const [first, second] = [maker.create(request), maker.create(request)]
    expect(first.text).not.toBe(second.text)
    expect(first.claims.tokenId).not.toBe(second.claims.tokenId)
  })

  it('is expired from its last millisecond on, remembered or not', () => {
    const clock = settableClock()
    const maker = makerOf(kind, { clock })
    const { text, claims } = maker.create(request)
    clock.set(claims.expiresAt - 1)
    expect(maker.verify(text)).toMatchObject({ ok: true })
    clock.set(claims.expiresAt)
    expect(maker.verify(text)).toEqual(expired)
    expect(maker.verify(text)).toEqual(expired)
    expect(makerOf(kind, { clock }).verify(text)).toEqual(expired)
  })

  it('does not count before its time, but for a few seconds between two clocks', () => {
    const { text } = makerOf(kind).create(request)
    const early = settableClock(start - 5000)
    expect(makerOf(kind, { clock: early }).verify(text)).toMatchObject({ ok: true })
    early.set(start - 5001)
    expect(makerOf(kind, { clock: early }).verify(text)).toEqual(invalid)
  })

  it('fails with any single bit changed', () => {
    const maker = makerOf(kind)
    const { text } = maker.create(request)
    const survivors: string[] = []
    for (let bit = 0; bit < text.length * 8; bit += 1) {
      const bytes = Buffer.from(text, 'latin1')
      bytes.writeUInt8((bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3)
      const verdict = maker.verify(bytes.toString('latin1'))
      if (verdict.ok || verdict.code !== 'token_invalid') survivors.push(`bit ${bit}`)
    }
    expect(survivors).toEqual([])
  })

  it('fails when cut anywhere or with anything added', () => {
    const maker = makerOf(kind)
    const { text } = maker.create(request)
    for (let length = 0; length < text.length; length += 1) {
      expect(maker.verify(text.slice(0, length))).toEqual(invalid)
    }
    for (const more of [
      '=',
      '==',
      '.',
      '..',
      'A',
      ' ',
      '\n',
      '\0',
      '.e30',
      'é',
      'A'.repeat(9000),
    ]) {
      expect(maker.verify(text + more)).toEqual(invalid)
    }
    expect(maker.verify(` ${text}`)).toEqual(invalid)
  })

  it('has one spelling: other alphabet, padding and last-character twins fail', () => {
    const maker = makerOf(kind)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    let twins = 0
    // Over many tokens, so that each part has had spare bits and characters of both alphabets.
    for (let count = 0; count < 20; count += 1) {
      const { text } = maker.create({ ...request, username: 'a'.repeat(3 + count) })
      const parts = text.split('.')
      for (const [index, part] of parts.entries()) {
        for (const other of alphabet) {
          const twin = part.slice(0, -1) + other
          if (twin === part || index < parts.length - 3) continue
          twins += 1
          expect(maker.verify(parts.with(index, twin).join('.'))).toEqual(invalid)
        }
        expect(maker.verify(parts.with(index, `${part}=`).join('.'))).toEqual(invalid)
      }
      const standard = text.replaceAll('-', '+').replaceAll('_', '/')
      expect(maker.verify(standard)).toMatchObject({ ok: standard === text })
    }
    expect(twins).toBeGreaterThan(1000)
  })

  it('fails with another key, issuer, audience or kind of token', () => {
    const { text } = makerOf(kind).create(request)
    const makers = [
      makerOf(kind, { keys: [new Uint8Array(randomBytes(32))] }),
      makerOf(kind, { issuer: 'another' }),
      makerOf(kind, { audience: 'another' }),
      ...kinds.filter((other) => other !== kind).map((other) => makerOf(other)),
    ]
    for (const maker of makers) expect(maker.verify(text)).toEqual(invalid)
  })

  it('counts under a replaced key while that is still named, and new ones use the new key', () => {
    const newKey = new Uint8Array(randomBytes(32))
    const { text } = makerOf(kind).create(request)
    const rotated = makerOf(kind, { keys: [newKey, key] })
    expect(rotated.verify(text)).toMatchObject({ ok: true })
    const { text: newer } = rotated.create(request)
    expect(makerOf(kind, { keys: [newKey] }).verify(newer)).toMatchObject({ ok: true })
    expect(makerOf(kind).verify(newer)).toEqual(invalid)
  })

  it('counts until its key ends, remembered or not, and is not called expired then', () => {
    const clock = settableClock()
    const { text } = makerOf(kind).create(request)
    const until = new Date(start + 60_000)
    const signing = new Uint8Array(randomBytes(32))
    const ring = createKeyRing({ signing, accepted: [{ key, until }] })
    const maker = makerOf(kind, { clock, ring })
    clock.set(until.getTime() - 1)
    expect(maker.verify(text)).toMatchObject({ ok: true })
    clock.set(until.getTime())
    expect(maker.verify(text)).toEqual(invalid)
    expect(makerOf(kind, { clock, ring }).verify(text)).toEqual(invalid)
  })

  it('follows a ring that is replaced while it is used, and forgets what it remembered', () => {
    const ring = endlessKeyRing([key])
    const maker = makerOf(kind, { ring })
    const { text } = maker.create(request)
    const signing = new Uint8Array(randomBytes(32))
    ring.replace({ signing, accepted: [{ key, until: new Date(start + 60_000) }] })
    const { text: newer } = maker.create(request)
    for (const one of [text, newer]) expect(maker.verify(one)).toMatchObject({ ok: true })
    expect(makerOf(kind).verify(newer)).toEqual(invalid)
    ring.replace({ signing, accepted: [] })
    expect(maker.verify(text)).toEqual(invalid)
    expect(maker.verify(newer)).toMatchObject({ ok: true })
  })

  it('that is forged is never called expired', () => {
    const late = settableClock(start + 10_000_000)
    const { text } = makerOf(kind).create(request)
    expect(makerOf(kind, { clock: late, issuer: 'another' }).verify(text)).toEqual(invalid)
    const otherKeys = { clock: late, keys: [new Uint8Array(randomBytes(32))] } as const
    expect(makerOf(kind, otherKeys).verify(text)).toEqual(invalid)
  })

  it.each(['jti', 'sub', 'username', 'kind', 'sid', 'epoch', 'iss', 'aud', 'iat', 'nbf', 'exp'])(
    'needs the claim %s, with its type',
    (claim) => {
      for (const value of [undefined, null, true, -1, 1.5, '', 'x', [], {}, ['tallystick']]) {
        expect(makerOf(kind).verify(sealWith({ [claim]: value }))).toEqual(invalid)
      }
    },
  )

  it.each<[string, () => Record<string, unknown>]>([
    ['the kind of a refresh token', () => ({ kind: 'refresh' })],
    ['the kind in capitals', () => ({ kind: 'Access' })],
    ['a session id for the user', () => ({ sub: `sess_${'0'.repeat(26)}` })],
    ['a uuid for the user', () => ({ sub: request.userId })],
    ['a username in capitals', () => ({ username: 'Alice' })],
    [
      'the other form of time',
      () => ({ exp: times === 'numeric' ? '2026-03-01T13:00:00.000Z' : start / 1000 + 60 }),
    ],
    ['exp as digits in a string', () => ({ exp: String(start / 1000 + 60) })],
    [
      'exp with a fraction',
      () => ({ exp: times === 'numeric' ? start / 1000 + 0.5 : time(start + 500) }),
    ],
    [
      'exp after the year 9999',
      () => ({ exp: times === 'numeric' ? 253_402_300_800 : '+010000-01-01T00:00:00.000Z' }),
    ],
    ['a huge exp', () => ({ exp: 1e300 })],
    ['a negative exp', () => ({ exp: -1 })],
    ['exp on a day that is none', () => ({ exp: '2026-02-30T00:00:00.000Z' })],
    ['exp with an offset', () => ({ exp: '2026-03-01T13:00:00+00:00' })],
    ['exp before iat', () => ({ iat: time(start + 120_000), exp: time(start + 60_000) })],
    ['nbf ahead', () => ({ nbf: time(start + 60_000) })],
    ['iat ahead', () => ({ iat: time(start + 60_000) })],
  ])('with %s is refused', (_, members) => {
    expect(makerOf(kind).verify(sealWith(members()))).toEqual(invalid)
  })

  it('with a claim that a later version adds still counts', () => {
    expect(makerOf(kind).verify(sealWith({ scope: 'all' }))).toMatchObject({ ok: true })
  })

  it.each<[string, (payload: string) => string]>([
    ['a claim twice', (text) => text.replace('{', '{"kind":"access",')],
    [
      'another claim twice',
      (text) => text.replace('}', ',"sub":"user_00000000000000000000000000"}'),
    ],
    ['white space', (text) => text.replace(',', ', ')],
    ['an escape that is not needed', (text) => text.replace('access', '\\u0061ccess')],
    ['a byte order mark', (text) => `\ufeff${text}`],
    ['an array', (text) => `[${text}]`],
    ['no object', () => 'null'],
    ['no JSON', (text) => text.slice(1)],
    ['nothing', () => ''],
  ])('whose payload is or has %s is refused', (_, edit) => {
    expect(makerOf(kind).verify(sealEdited(edit))).toEqual(invalid)
  })

  it('seals what the claims say', () => {
    const text = sealEdited((payload) => payload)
    expect(makerOf(kind).verify(text)).toMatchObject({ ok: true })
  })
})

describe('a remembered token', () => {
  it('is among a bounded number, and a forgotten one is verified anew', () => {
    const maker = makerOf('paseto_v4', { cacheSizeMax: 4 })
    const tokens = Array.from({ length: 20 }, () => maker.create(request))
    for (let round = 0; round < 2; round += 1) {
      for (const { text, claims } of tokens) {
        expect(maker.verify(text)).toEqual({ ok: true, claims })
      }
    }
  })
})

function payloadText(): string {
  const { text } = makerOf('jwt').create(request)
  return text.split('.')[1] ?? ''
}

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

describe('a jwt', () => {
  const kid = tokenKeyId('jwt', key)
  const genuine = { alg: 'HS256', typ: 'JWT', kid }

  /** Signed with our key by hand, whatever the header says. */
  function signed(header: unknown, hash = 'sha256'): string {
    const text = `${base64url(header)}.${payloadText()}`
    return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
  }

  it('is one for jose, and one that jose signs is one for us', async () => {
    const { text, claims } = makerOf('jwt').create(request)
    const verified = await jwtVerify(text, key, { currentDate: new Date(start) })
    expect(verified.protectedHeader).toEqual(genuine)
    expect(verified.payload).toMatchObject({ username: 'alice_01', exp: claims.expiresAt / 1000 })
    const signature = new CompactSign(Buffer.from(encodeClaims(claims, 'numeric')))
    const foreign = await signature.setProtectedHeader(genuine).sign(key)
    expect(makerOf('jwt').verify(foreign)).toEqual({ ok: true, claims })
  })

  it('with the header that we write counts, also when signed by other hands', () => {
    expect(makerOf('jwt').verify(signed(genuine))).toMatchObject({ ok: true })
  })

  it.each<[string, unknown]>([
    ['alg none', { ...genuine, alg: 'none' }],
    ['alg None', { ...genuine, alg: 'None' }],
    ['alg NONE', { ...genuine, alg: 'NONE' }],
    ['alg nOnE', { ...genuine, alg: 'nOnE' }],
    ['alg of a public key', { ...genuine, alg: 'RS256' }],
    ['alg of another curve', { ...genuine, alg: 'ES256' }],
    ['alg of another length', { ...genuine, alg: 'HS512' }],
    ['no alg', { typ: 'JWT', kid }],
    ['alg that is no string', { ...genuine, alg: ['HS256'] }],
    ['alg null', { ...genuine, alg: null }],
    ['no kid', { alg: 'HS256', typ: 'JWT' }],
    ['an unknown kid', { ...genuine, kid: 'AAAAAAAAAAAA' }],
    ['a kid that is a path', { ...genuine, kid: '../../../../dev/null' }],
    ['a kid with SQL', { ...genuine, kid: "' or 1=1 --" }],
    [
      'an embedded jwk',
      { ...genuine, jwk: { kty: 'oct', k: Buffer.from(key).toString('base64url') } },
    ],
    ['a jku', { ...genuine, jku: 'https://example.com/keys' }],
    ['an x5u', { ...genuine, x5u: 'https://example.com/cert' }],
    ['crit', { ...genuine, crit: ['exp'], exp: 1 }],
    ['b64', { ...genuine, crit: ['b64'], b64: false }],
    ['another typ', { ...genuine, typ: 'refresh+jwt' }],
    ['alg twice', `{"alg":"none","alg":"HS256","typ":"JWT","kid":"${kid}"}`],
    ['no object', 'null'],
    ['no JSON', '{'],
  ])('with %s is refused', (_, header) => {
    const text = signed(header)
    expect(makerOf('jwt').verify(text)).toEqual(invalid)
    const [head, payload] = text.split('.')
    expect(makerOf('jwt').verify(`${head}.${payload}.`)).toEqual(invalid)
    expect(makerOf('jwt').verify(`${head}.${payload}`)).toEqual(invalid)
  })

  it('signed with a private key, or with the text of a public key as secret, is refused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const claims = { username: 'alice_01' }
    const header = { ...genuine, alg: 'RS256' }
    const rsa = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
    expect(makerOf('jwt').verify(rsa)).toEqual(invalid)
    const secret = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))
    const text = `${base64url(genuine)}.${payloadText()}`
    const confused = `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
    expect(makerOf('jwt').verify(confused)).toEqual(invalid)
  })

  it('with a signature of another hash or length is refused', () => {
    expect(makerOf('jwt').verify(signed(genuine, 'sha512'))).toEqual(invalid)
    expect(makerOf('jwt').verify(signed(genuine, 'sha1'))).toEqual(invalid)
  })
})

describe('a paseto', () => {
  it.each(['paseto_v4', 'paseto_v2'] as const)('of %s with another footer is refused', (kind) => {
    const { text } = makerOf(kind).create(request)
    const [version, purpose, body] = text.split('.')
    for (const footer of [undefined, 'e30', Buffer.from('{"kid":"x"}').toString('base64url')]) {
      const parts = [version, purpose, body, ...(footer === undefined ? [] : [footer])]
      expect(makerOf(kind).verify(parts.join('.'))).toEqual(invalid)
    }
  })

  it.each(['paseto_v4', 'paseto_v2'] as const)('of %s with another header is refused', (kind) => {
    const { text } = makerOf(kind).create(request)
    const rest = text.split('.').slice(2).join('.')
    const headers = ['v1.local', 'v2.local', 'v3.local', 'v4.local', 'v4.public', 'V4.local']
    for (const header of headers.filter((other) => !text.startsWith(other))) {
      expect(makerOf(kind).verify(`${header}.${rest}`)).toEqual(invalid)
    }
  })
})

describe('create', () => {
  it('asserts that a token lasts a whole number of seconds', () => {
    for (const durationSeconds of [0, -1, 0.5, Number.NaN]) {
      expect(() => makerOf('jwt').create({ ...request, durationSeconds })).toThrow('seconds')
    }
  })

  it('gives whole seconds, so that the claims and the token agree', () => {
    const clock = settableClock(start + 999)
    const { claims } = makerOf('paseto_v4', { clock }).create(request)
    const expected: Partial<TokenClaims> = { issuedAt: start, expiresAt: start + 900_000 }
    expect(claims).toMatchObject(expected)
  })
})
