/** The roles that make a user staff of the bank. Every user is a customer besides. */
import type { Role } from './route.ts'

export const staffRoles = ['teller', 'auditor', 'admin'] as const satisfies readonly Role[]

export function isStaff(roles: ReadonlySet<Role>): boolean {
  return staffRoles.some((role) => roles.has(role))
}
