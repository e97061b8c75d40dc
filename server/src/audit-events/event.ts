/** What the audit trail can say. Ids, codes and numbers only: never words about people. */
import type { IdPrefix, Uuid } from '../kernel/ids.ts'

/** Every kind of event there is: what happened to what. A new one is added here first. */
export const auditEventKinds = [
  'session.opened',
  'session.refused',
  'session.ended',
  'session.reused',
  'user.created',
  'user.role_granted',
  'user.role_revoked',
  'user.disabled',
  'user.enabled',
  'user.sessions_ended',
  'user.password_changed',
  'user.password_refused',
  'user.password_reset_requested',
  'user.password_reset',
  'user.email_changed',
  'user.email_verified',
  'api_key.created',
  'api_key.revoked',
  'second_factor.added',
  'second_factor.refused',
  'second_factor.removed',
  'recovery_codes.created',
  'recovery_code.used',
  'access.refused',
  'account.frozen',
  'account.unfrozen',
  'account.closed',
  'account.overdraft_set',
  'account.limits_set',
  'bank_account.opened',
  'deposit.posted',
  'deposit.refused',
  'withdrawal.posted',
  'withdrawal.refused',
  'reversal.posted',
  'reversal.refused',
] as const

export type AuditEventKind = (typeof auditEventKinds)[number]

/** A thing by the kind that its ids have in the API, and its id. */
export interface AuditSubject {
  prefix: IdPrefix
  id: Uuid
}

/** `api`: a request. `command`: the operator at the command line. `start`: the server's start. */
export const auditOrigins = ['api', 'command', 'start'] as const
export type AuditOrigin = (typeof auditOrigins)[number]

/** Ids as the API shows them, codes, names of routes and roles, numbers. In snake_case. */
export type AuditFacts = Readonly<Record<string, string | number | boolean>>

export interface AuditEvent {
  kind: AuditEventKind
  /** The principal on whose say-so it happened; null for a stranger and for the operator. */
  actorId: Uuid | null
  /** `api` when not given. */
  origin?: AuditOrigin
  subject: AuditSubject | null
  facts?: AuditFacts
  /** Leads to the line of the log; null where there was no request. */
  requestId: string | null
}
