/** A row of `app_user` as a user: for every store that reads users, alone or beside other things. */
import type { Role } from '../../http/route.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { User, UserStatus } from './user.ts'

export const userColumns = [
  'app_user.id',
  'app_user.username',
  'app_user.full_name',
  'app_user.email',
  'app_user.email_verified',
  'app_user.roles',
  'app_user.status',
  'app_user.created_at',
] as const

/** What the schema's checks promise about columns that PostgreSQL calls text. */
export interface NarrowColumns {
  roles: Role[]
  status: UserStatus
}

export interface UserRow extends NarrowColumns {
  id: Uuid
  username: string
  full_name: string
  email: string
  email_verified: boolean
  created_at: Date
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    fullName: row.full_name,
    email: row.email,
    emailVerified: row.email_verified,
    roles: row.roles,
    status: row.status,
    createdAt: row.created_at,
  }
}
