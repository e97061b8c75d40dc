import { Type } from 'typebox'
import { idSchema, named, Timestamp } from '../../http/schema.ts'
import { UserSchema } from '../users/schema.ts'

// Wide on purpose: what can be no username or no password is simply not right, as any other.
export const CreateSessionSchema = named(
  'CreateSession',
  Type.Object(
    {
      username: Type.String({ minLength: 1, maxLength: 64, examples: ['alice'] }),
      password: Type.String({
        minLength: 1,
        maxLength: 256,
        examples: ['correct horse battery'],
      }),
    },
    { additionalProperties: false },
  ),
)

export const SessionSchema = named(
  'Session',
  Type.Object(
    {
      session_id: idSchema('sess'),
      access_token: Type.String({
        description: 'For `Authorization: Bearer`. Its form is no promise: treat it as opaque.',
      }),
      access_token_expires_at: Timestamp,
      user: UserSchema,
    },
    { additionalProperties: false },
  ),
)
