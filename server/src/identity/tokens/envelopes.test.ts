import { createHmac, generateKeyPairSync } from 'node:crypto'
import { CompactSign, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { encodeClaims } from './claims.ts'
import { invalid, key, makerOf, request, start } from './testing.ts'
import { tokenKeyId } from './token-key.ts'

function payloadText(): string {
  const { text } = makerOf('jwt').create(request)
  return text.split('.')[1] ?? ''
}

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

/** Signed with our key by hand, whatever the header says. */
function signed(header: unknown, hash = 'sha256'): string {
  const text = `${base64url(header)}.${payloadText()}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}

describe('a jwt', () => {
  const kid = tokenKeyId('jwt', key)
  const genuine = { alg: 'HS256', typ: 'JWT', kid }

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
