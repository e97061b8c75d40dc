import { describe, expect, it } from 'vitest'
import { findUserTextProblems, normalizeUsername } from './user.ts'

describe('normalizeUsername', () => {
  it.each([
    ['alice', 'alice'],
    ['Alice_01', 'alice_01'],
    ['ALICE', 'alice'],
    ['a'.repeat(64), 'a'.repeat(64)],
  ])('%s is stored as %s', (typed, stored) => {
    expect(normalizeUsername(typed)).toBe(stored)
  })

  it.each([
    '',
    'al',
    'a'.repeat(65),
    'alice bob',
    'alice-bob',
    'alice.bob',
    'alíce',
    ' alice',
    'alice ',
    'alice\n',
    'alice\0',
    'ali\u202ece',
    '\u212aelvin',
    'аlice',
  ])('%j can be nobody', (typed) => {
    expect(normalizeUsername(typed)).toBeUndefined()
  })
})

describe('findUserTextProblems', () => {
  it.each([
    'a@b.co',
    'alice@example.com',
    'alice.adams+bank@mail.example.co.uk',
    "o'neill@example.ie",
    `${'a'.repeat(64)}@example.com`,
    'alice@xn--bcher-kva.example',
    '1@2.3a',
  ])('%s is an address', (email) => {
    expect(findUserTextProblems({ email })).toEqual([])
  })

  it.each([
    '',
    'alice',
    'alice@',
    '@example.com',
    'alice@localhost',
    'alice@@example.com',
    'alice@example..com',
    'alice@.example.com',
    'alice@example.com.',
    '.alice@example.com',
    'alice.@example.com',
    'al..ice@example.com',
    'alice@-example.com',
    'alice@example-.com',
    'alice@exam_ple.com',
    'alice @example.com',
    'alice@example.com ',
    ' alice@example.com',
    'alice@example.com\r\nBcc: bob@example.com',
    'alice@example.com\n',
    'alice\n@example.com',
    'alice@example.com\0',
    '"alice"@example.com',
    'Alice <alice@example.com>',
    'alice@example.com,bob@example.com',
    `${'a'.repeat(65)}@example.com`,
    `alice@${'a'.repeat(64)}.com`,
    `alice@${'a.'.repeat(130)}com`,
    'álice@example.com',
  ])('%j is no address', (email) => {
    expect(findUserTextProblems({ email })).toMatchObject([{ member: 'email' }])
  })

  it.each(['Alice', 'Ana María', '李小龙', 'Åse', 'محمد', '👩‍👧', 'x'.repeat(100), '😀'.repeat(100)])(
    '%s is a name',
    (fullName) => {
      expect(findUserTextProblems({ fullName })).toEqual([])
    },
  )

  it.each([
    '',
    '   ',
    'x'.repeat(101),
    '😀'.repeat(101),
    'Alice\nAdams',
    'Alice\0',
    'Alice\u202eAdams',
    'Alice\u200fAdams',
    'A\u030ase',
    'Alice\ud800',
    'Alice\u2028Adams',
    'Alice\u007f',
  ])('%j is no name', (fullName) => {
    expect(findUserTextProblems({ fullName })).toMatchObject([{ member: 'fullName' }])
  })

  it('names each text that is wrong, and no password in its words', () => {
    const text = { username: 'x', fullName: '', email: 'x', password: 'secret' }
    const findings = findUserTextProblems(text)
    expect(findings.map(({ member }) => member)).toEqual([
      'username',
      'fullName',
      'email',
      'password',
    ])
    expect(JSON.stringify(findings)).not.toContain('secret')
  })
})
