import { isCommonPassword } from './common-passwords.ts'

/**
 * What may be a password. bcrypt reads 72 bytes and stops at a NUL: what is longer or has one is
 * refused, never cut, because a cut password would be matched by others.
 */

export const passwordBytesMin = 8
export const passwordBytesMax = 72

export type PasswordRefusal = 'too_short' | 'too_long' | 'not_text' | 'too_common'

/** Why this cannot become a password, or `undefined` when it can. Lengths are bytes of UTF-8. */
export function refusePassword(password: string): PasswordRefusal | undefined {
  return refuseForm(password) ?? (isCommonPassword(password) ? 'too_common' : undefined)
}

/** Whether it has the form of one: what was chosen before a list grew still logs in. */
export function isPasswordForm(password: string): boolean {
  return refuseForm(password) === undefined
}

function refuseForm(password: string): Exclude<PasswordRefusal, 'too_common'> | undefined {
  if (password.includes('\0') || !password.isWellFormed()) return 'not_text'
  const bytes = Buffer.byteLength(password)
  if (bytes < passwordBytesMin) return 'too_short'
  return bytes > passwordBytesMax ? 'too_long' : undefined
}

/** Each refusal in words, for people. */
export const passwordRefusalDetail = {
  too_short: `a password has at least ${passwordBytesMin} bytes in UTF-8`,
  too_long: `a password has at most ${passwordBytesMax} bytes in UTF-8`,
  not_text: 'a password has no NUL and no lone surrogate',
  too_common: 'this password is one of the first that anyone tries: choose another',
} as const satisfies Record<PasswordRefusal, string>
