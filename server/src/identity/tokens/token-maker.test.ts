import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TokenClaims } from './claims.ts'
import { createKeyRing, endlessKeyRing } from './key-ring.ts'
import { expired, invalid, key, kinds, makerOf, request, settableClock, start } from './testing.ts'

describe.each(kinds)('a %s token', (kind) => {
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
