/**
 * Codes by time (RFC 6238) as every app knows them: SHA-1, six digits, 30 seconds. A code of the step
 * before or after the present one counts too, for clocks that differ and people that type.
 */
import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

const periodSeconds = 30
const window = 1
// As long as the output of its HMAC (RFC 4226, section 4).
const secretBytes = 20

export const totpCodePattern = '^[0-9]{6}$'

export function createTotpSecret(): Uint8Array {
  return new Uint8Array(randomBytes(secretBytes))
}

export interface TotpLabel {
  issuer: string
  username: string
}

/** What an app is told, as text to type and as a URL for a QR code. */
export function describeTotpSecret(
  secret: Uint8Array,
  label: TotpLabel,
): { secret: string; url: string } {
  const totp = totpOf(secret, label)
  return { secret: totp.secret.base32, url: totp.toString() }
}

/** The step (30 seconds since 1970) whose code that is, or `undefined` when it is none of now. */
export function findTotpStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  const timestamp = now.getTime()
  const delta = totpOf(secret).validate({ token: code, timestamp, window })
  if (delta === null) return undefined
  return Math.floor(timestamp / 1000 / periodSeconds) + delta
}

/** The code of a moment, as an app shows it. */
export function totpCodeOf(secret: Uint8Array, now: Date): string {
  return totpOf(secret).generate({ timestamp: now.getTime() })
}

function totpOf(secret: Uint8Array, { issuer, username }: Partial<TotpLabel> = {}): TOTP {
  return new TOTP({
    issuer: issuer ?? '',
    label: username ?? '',
    algorithm: 'SHA1',
    digits: 6,
    period: periodSeconds,
    secret: new Secret({ buffer: new Uint8Array(secret).buffer }),
  })
}
