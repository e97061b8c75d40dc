import { Type } from 'typebox'
import { idSchema, named, oneOf, Timestamp } from '../../http/schema.ts'
import { passwordBytesMax, passwordBytesMin } from '../passwords/password.ts'
import {
  emailLengthMax,
  emailPattern,
  fullNameCodePointsMax,
  roles,
  usernamePattern,
} from './user.ts'

const username = Type.String({
  pattern: usernamePattern,
  description: 'Letters a-z, digits and underscores, 3 to 64. Stored in lower case.',
  examples: ['alice'],
})

const fullName = Type.String({
  minLength: 1,
  maxLength: fullNameCodePointsMax,
  description: 'Of any script, in Unicode NFC.',
  examples: ['Alice Adams'],
})

const email = Type.String({
  pattern: emailPattern,
  maxLength: emailLengthMax,
  examples: ['alice@example.com'],
})

export const passwordSchema = Type.String({
  // The limits are in bytes; these are what they come to in characters.
  minLength: 1,
  maxLength: passwordBytesMax,
  description: `${passwordBytesMin} to ${passwordBytesMax} bytes in UTF-8, without NUL; not one of the most common ones.`,
  examples: ['correct horse battery'],
})

export const UserSchema = named(
  'User',
  Type.Object(
    {
      id: idSchema('user'),
      username,
      full_name: fullName,
      email,
      email_verified: Type.Boolean({ description: 'Whether the address is known to be theirs' }),
      roles: Type.Array(oneOf(roles), { description: 'Everyone is a `customer`; this may grow' }),
      status: oneOf(['active', 'disabled']),
      created_at: Timestamp,
    },
    { additionalProperties: false },
  ),
)

export const CreateUserSchema = named(
  'CreateUser',
  Type.Object(
    { username, password: passwordSchema, full_name: fullName, email },
    { additionalProperties: false },
  ),
)

export const UpdateUserSchema = named(
  'UpdateUser',
  Type.Object(
    {
      full_name: Type.Optional(fullName),
      email: Type.Optional(email),
      password: Type.Optional(passwordSchema),
      current_password: Type.Optional(
        Type.String({ maxLength: 256, description: 'The password so far, with a new one only' }),
      ),
    },
    { additionalProperties: false, minProperties: 1 },
  ),
)
