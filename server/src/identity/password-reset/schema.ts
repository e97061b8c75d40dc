import { Type } from 'typebox'
import { named } from '../../http/schema.ts'
import { linkTokenSchema } from '../email-confirmation/schema.ts'
import { passwordSchema } from '../users/schema.ts'
import { emailLengthMax, emailPattern } from '../users/user.ts'

export const RequestPasswordResetSchema = named(
  'RequestPasswordReset',
  Type.Object(
    {
      email: Type.String({
        pattern: emailPattern,
        maxLength: emailLengthMax,
        examples: ['alice@example.com'],
      }),
    },
    { additionalProperties: false },
  ),
)

export const ResetPasswordSchema = named(
  'ResetPassword',
  Type.Object(
    { token: linkTokenSchema, password: passwordSchema },
    { additionalProperties: false },
  ),
)
