/**
 * Recovery codes: ten for each user, each used once, for who has lost the app. A code has 80 random
 * bits, so a plain SHA-256 hides it, and the hash can be looked up.
 */
import { createHash, randomBytes } from 'node:crypto'

export const recoveryCodeCount = 10

// Without i, l, o and u, which are read as other characters (Crockford's base32).
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const codeLength = 16

/** As people may type it: in capitals or not, with hyphens or without. */
export const recoveryCodePattern =
  '^[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}$'

export interface RecoveryCode {
  text: string
  hash: Buffer
}

export function createRecoveryCodes(): RecoveryCode[] {
  return Array.from({ length: recoveryCodeCount }, () => {
    const characters = [...randomBytes(codeLength)].map((byte) => alphabet[byte % 32] ?? '')
    const text = characters.join('').replaceAll(/(.{4})(?=.)/g, '$1-')
    return { text, hash: hashRecoveryCode(text) }
  })
}

/** Of the code in its plain spelling, whichever was typed. */
export function hashRecoveryCode(text: string): Buffer {
  const plain = text.toLowerCase().replaceAll('-', '')
  const read = plain.replaceAll('o', '0').replaceAll(/[il]/g, '1')
  return createHash('sha256').update(read).digest()
}
