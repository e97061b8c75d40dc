import { Type } from 'typebox'
import { scopes } from '../../http/scopes.ts'
import { idSchema, named, nullable, oneOf, Timestamp } from '../../http/schema.ts'

const name = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'What the key is for, for people',
  examples: ['payroll'],
})

const scopeList = Type.Array(oneOf(scopes), {
  minItems: 1,
  uniqueItems: true,
  description: 'What it may be used for; this may grow',
  examples: [['accounts:read', 'transfers:write']],
})

const shared = {
  id: idSchema('key'),
  user_id: idSchema('user', 'On whose behalf requests with it act'),
  name,
  scopes: scopeList,
  created_at: Timestamp,
  expires_at: nullable(Timestamp),
}

export const ApiKeySchema = named(
  'ApiKey',
  Type.Object(
    {
      ...shared,
      last_used_at: nullable(Timestamp),
      revoked_at: nullable(Timestamp),
    },
    { additionalProperties: false },
  ),
)

export const NewApiKeySchema = named(
  'NewApiKey',
  Type.Object(
    {
      ...shared,
      key: Type.String({
        description: 'For `Authorization: Bearer`. It is shown this once. Treat it as opaque.',
      }),
    },
    { additionalProperties: false },
  ),
)

export const CreateApiKeySchema = named(
  'CreateApiKey',
  Type.Object(
    {
      name,
      scopes: scopeList,
      expires_in: Type.Optional(
        Type.Integer({
          minimum: 60,
          maximum: 315_360_000,
          description: 'Seconds from now, at most ten years; without it, the key does not expire',
          examples: [7_776_000],
        }),
      ),
      user_id: Type.Optional(
        idSchema('user', 'For admins: whose key it will be; your own when absent'),
      ),
    },
    { additionalProperties: false },
  ),
)
