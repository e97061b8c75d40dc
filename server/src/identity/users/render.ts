import type { Static } from 'typebox'
import { encodeId } from '../../kernel/ids.ts'
import type { UserSchema } from './schema.ts'
import type { User } from './user.ts'

/** A user as clients see it. */
export function renderUser(user: User): Static<typeof UserSchema> {
  return {
    id: encodeId('user', user.id),
    username: user.username,
    full_name: user.fullName,
    email: user.email,
    email_verified: user.emailVerified,
    roles: [...user.roles],
    status: user.status,
    created_at: user.createdAt.toISOString(),
  }
}
