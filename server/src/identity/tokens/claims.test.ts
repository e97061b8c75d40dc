import { describe, expect, it } from 'vitest'
import { encodeClaims } from './claims.ts'
import { invalid, key, kinds, makerOf, request, start } from './testing.ts'
import { createTokenEnvelope } from './token-maker.ts'

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
