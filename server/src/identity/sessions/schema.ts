import { Type } from 'typebox'
import { idSchema, named, nullable, Timestamp } from '../../http/schema.ts'
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

export const RefreshSessionSchema = named(
  'RefreshSession',
  Type.Object(
    { refresh_token: Type.String({ minLength: 1, maxLength: 4096 }) },
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
      refresh_token: Type.String({
        description: 'For `POST /v1/sessions/refresh`, once. Its form is no promise.',
      }),
      refresh_token_expires_at: Timestamp,
      user: UserSchema,
    },
    { additionalProperties: false },
  ),
)

export const ActiveSessionSchema = named(
  'ActiveSession',
  Type.Object(
    {
      id: idSchema('sess'),
      current: Type.Boolean({ description: 'Whether it is the session that asks' }),
      user_agent: nullable(
        Type.String({
          description: 'What the device said about itself at the login',
          examples: ['Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'],
        }),
      ),
      address: nullable(
        Type.String({ description: 'Where the login came from', examples: ['203.0.113.7'] }),
      ),
      created_at: Timestamp,
      refreshed_at: Timestamp,
      expires_at: Timestamp,
    },
    { additionalProperties: false },
  ),
)
