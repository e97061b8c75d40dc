import { describe, expect, it } from 'vitest'
import { isPasswordForm, passwordRefusalDetail, refusePassword } from './password.ts'

describe('refusePassword', () => {
  it.each([
    ['8 bytes', 'b'.repeat(8), undefined],
    ['72 bytes', 'a'.repeat(72), undefined],
    ['8 bytes in two characters', '😀😀', undefined],
    ['any script', 'пароль', undefined],
    ['blanks', ' '.repeat(8), undefined],
    ['nothing', '', 'too_short'],
    ['7 bytes', 'a'.repeat(7), 'too_short'],
    ['73 bytes', 'a'.repeat(73), 'too_long'],
    ['73 bytes in 37 characters', `${'é'.repeat(36)}a`, 'too_long'],
    ['a NUL', 'password\0suffix', 'not_text'],
    ['a lone surrogate', 'password\ud800', 'not_text'],
    ['a common one', 'password', 'too_common'],
    ['a common one of digits', '12345678', 'too_common'],
    ['a common one in capitals', 'PassWord123', 'too_common'],
    ['a sentence with a common one', 'password of alice', undefined],
  ])('%s', (_, password, refusal) => {
    expect(refusePassword(password)).toBe(refusal)
  })

  it('has words for each', () => {
    expect(Object.keys(passwordRefusalDetail)).toEqual([
      'too_short',
      'too_long',
      'not_text',
      'too_common',
    ])
  })

  it('is for new ones: a common one that is in use has the form of a password', () => {
    expect([isPasswordForm('password'), isPasswordForm('short')]).toEqual([true, false])
  })
})
