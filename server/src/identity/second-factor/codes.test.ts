import { describe, expect, it } from 'vitest'
import { createRecoveryCodes, hashRecoveryCode, recoveryCodePattern } from './recovery-codes.ts'
import { createTotpSecret, describeTotpSecret, findTotpStep, totpCodeOf } from './totp.ts'

describe('codes by time', () => {
  // RFC 6238, appendix B: SHA-1, of which six of the eight digits are shown.
  const secret = new TextEncoder().encode('12345678901234567890')

  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('at %i seconds the code is %s, as the RFC has it', (seconds, code) => {
    const now = new Date(seconds * 1000)
    expect(totpCodeOf(secret, now)).toBe(code)
    expect(findTotpStep(secret, code, now)).toBe(Math.floor(seconds / 30))
  })

  it('count in their own 30 seconds and in those before and after, and no longer', () => {
    const step = 40_000_000
    const code = totpCodeOf(secret, new Date(step * 30_000))
    const steps = [-2, -1, 0, 1, 2].map((away) =>
      findTotpStep(secret, code, new Date((step + away) * 30_000)),
    )
    expect(steps).toEqual([undefined, step, step, step, undefined])
  })

  it('of another secret do not count', () => {
    const now = new Date('2026-01-15T09:30:00.000Z')
    const codes = Array.from({ length: 20 }, () => totpCodeOf(createTotpSecret(), now))
    expect(codes.filter((code) => findTotpStep(secret, code, now) !== undefined)).toEqual([])
  })

  it('come from a secret that an app is told as text and as a URL', () => {
    const { secret: text, url } = describeTotpSecret(secret, {
      issuer: 'My Bank',
      username: 'alice',
    })
    expect(text).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
    expect(url).toMatch(/^otpauth:\/\/totp\/My%20Bank:alice\?/)
    const parameters = new URL(url).searchParams
    expect(Object.fromEntries(parameters)).toMatchObject({
      issuer: 'My Bank',
      secret: text,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
  })
})

describe('recovery codes', () => {
  it('are ten different ones, in groups that can be read', () => {
    const codes = createRecoveryCodes()
    expect(new Set(codes.map(({ text }) => text)).size).toBe(10)
    for (const { text } of codes) {
      expect(text).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/)
      expect(text).toMatch(new RegExp(recoveryCodePattern))
    }
  })

  it('are the same in capitals, without hyphens and with letters that look alike', () => {
    const { hash } = { hash: hashRecoveryCode('01ab-cdef-ghjk-mnpq') }
    for (const typed of ['01AB-CDEF-GHJK-MNPQ', '01abcdefghjkmnpq', 'oIab-cdef-ghjk-mnpq']) {
      expect(hashRecoveryCode(typed)).toEqual(hash)
    }
    expect(hashRecoveryCode('01ab-cdef-ghjk-mnpr')).not.toEqual(hash)
  })
})
