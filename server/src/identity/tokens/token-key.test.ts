import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generateTokenKey, parseTokenKey, sampleTokenKey, tokenKeyId } from './token-key.ts'

const bytes = Buffer.from('c3d8e2a1f07b964d5e1823bb90fa7c6412d5893e6af70bb1487ce95f20d33a86', 'hex')

describe('parseTokenKey', () => {
  it.each([
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['base64', bytes.toString('base64')],
    ['base64 without padding', bytes.toString('base64').slice(0, 43)],
    ['base64url', bytes.toString('base64url')],
    ['base64url with padding', `${bytes.toString('base64url')}=`],
  ])('reads 32 bytes as %s', (_, text) => {
    expect(parseTokenKey(text)).toEqual({ ok: true, key: new Uint8Array(bytes) })
  })

  it.each([
    ['nothing', ''],
    ['a short key', bytes.toString('hex').slice(2)],
    ['a long key', `${bytes.toString('hex')}00`],
    ['31 bytes of base64', bytes.subarray(1).toString('base64')],
    ['33 bytes of base64', Buffer.concat([bytes, bytes.subarray(0, 1)]).toString('base64')],
    ['blanks around it', ` ${bytes.toString('hex')}`],
    ['a line end', `${bytes.toString('base64')}\n`],
    ['both alphabets of base64 in one', `+-${bytes.toString('base64').slice(2)}`],
    ['the twin of its last character', `${bytes.toString('base64url').slice(0, 42)}Z`],
    ['32 readable characters', '12345678901234567890123456789012'],
    ['a passphrase', 'correct horse battery staple correct horse'],
    ['a passphrase that is base64 by chance', 'correcthorsebatterystaplecorrecthorsebatter'],
    ['the same with capitals', 'CorrectHorseBatteryStapleCorrectHorseBatter'],
    ['an encoded passphrase', Buffer.from('a passphrase is 32 letters long!').toString('base64')],
    ['an encoded passphrase in hex', Buffer.from('x'.repeat(32)).toString('hex')],
    ['zeros', '0'.repeat(64)],
    ['a repeated word', 'deadbeef'.repeat(8)],
    ['a repeated sequence', '0123456789abcdef'.repeat(4)],
    ['a sequence', Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')],
    [
      'the key of the PASETO vectors',
      Buffer.from(
        '707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f',
        'hex',
      ).toString('base64'),
    ],
    ['the sample of our documentation', sampleTokenKey],
  ])('refuses %s and says why', (_, text) => {
    expect(parseTokenKey(text)).toEqual({ ok: false, reason: expect.stringMatching(/\w{2} .+/) })
  })

  it('takes random keys in every spelling', () => {
    for (let count = 0; count < 1000; count += 1) {
      const key = randomBytes(32)
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        const text = key.toString(encoding)
        expect(parseTokenKey(text).ok ? '' : text).toBe('')
      }
    }
  })

  it('never repeats the key in the reason', () => {
    const result = parseTokenKey('correcthorsebatterystaplecorrecthorsebatter')
    expect(JSON.stringify(result)).not.toContain('horse')
  })
})

describe('generateTokenKey', () => {
  it('makes another key each time, which is taken', () => {
    expect(parseTokenKey(generateTokenKey()).ok).toBe(true)
    expect(generateTokenKey()).not.toBe(generateTokenKey())
  })
})

describe('tokenKeyId', () => {
  it('is stable, and another one for another key or purpose', () => {
    expect(tokenKeyId('jwt', bytes)).toBe(tokenKeyId('jwt', new Uint8Array(bytes)))
    const ids = [
      tokenKeyId('jwt', bytes),
      tokenKeyId('paseto_v4', bytes),
      tokenKeyId('jwt', randomBytes(32)),
    ]
    expect(new Set(ids).size).toBe(3)
    expect(ids.every((id) => /^[\w-]{12}$/.test(id))).toBe(true)
  })
})
