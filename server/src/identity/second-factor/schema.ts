import { Type } from 'typebox'
import { linkTokenPattern } from '../mails/link-token.ts'
import { named, oneOf, Timestamp } from '../../http/schema.ts'
import { recoveryCodeCount, recoveryCodePattern } from './recovery-codes.ts'
import { totpCodePattern } from './totp.ts'

const exact = { additionalProperties: false } as const

const totpCode = Type.String({
  pattern: totpCodePattern,
  description: 'The six digits that the app shows',
  examples: ['287082'],
})

const anyCode = Type.String({
  pattern: `${totpCodePattern}|${recoveryCodePattern}`,
  description: 'The six digits that the app shows, or a recovery code. Each counts once.',
  examples: ['287082'],
})

const currentPassword = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'The password so far',
  examples: ['correct horse battery'],
})

export const SecondFactorSchema = named(
  'SecondFactor',
  Type.Object(
    {
      state: oneOf(['off', 'pending', 'on'], {
        description: '`pending`: a secret was made, and no code has confirmed it yet',
      }),
      recovery_codes_left: Type.Integer({ minimum: 0, maximum: recoveryCodeCount }),
    },
    exact,
  ),
)

export const BeginSecondFactorSchema = named(
  'BeginSecondFactor',
  Type.Object({ current_password: currentPassword }, exact),
)

export const SecondFactorSecretSchema = named(
  'SecondFactorSecret',
  Type.Object(
    {
      secret: Type.String({
        description: 'In base32, to be typed into the app. It is shown once.',
        examples: ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'],
      }),
      otpauth_url: Type.String({
        description: 'The same for a QR code',
        examples: ['otpauth://totp/tallystick:alice?issuer=tallystick&secret=GEZDGNBV'],
      }),
    },
    exact,
  ),
)

export const ConfirmSecondFactorSchema = named(
  'ConfirmSecondFactor',
  Type.Object({ code: totpCode }, exact),
)

export const RenewRecoveryCodesSchema = named(
  'RenewRecoveryCodes',
  Type.Object({ code: anyCode }, exact),
)

export const RecoveryCodesSchema = named(
  'RecoveryCodes',
  Type.Object(
    {
      recovery_codes: Type.Array(Type.String({ examples: ['7k2m-9xq4-hd3w-r8tz'] }), {
        description: 'For the day when the app is lost. They are shown once; each counts once.',
      }),
    },
    exact,
  ),
)

export const DisableSecondFactorSchema = named(
  'DisableSecondFactor',
  Type.Object({ current_password: currentPassword, code: anyCode }, exact),
)

export const SecondFactorChallengeSchema = named(
  'SecondFactorChallenge',
  Type.Object(
    {
      challenge: Type.String({
        description: 'For `POST /v1/sessions/second-factor`, with a code',
        examples: ['q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'],
      }),
      challenge_expires_at: Timestamp,
    },
    exact,
  ),
)

export const AnswerChallengeSchema = named(
  'AnswerChallenge',
  Type.Object(
    {
      challenge: Type.String({
        pattern: linkTokenPattern,
        examples: ['q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'],
      }),
      code: anyCode,
    },
    exact,
  ),
)
