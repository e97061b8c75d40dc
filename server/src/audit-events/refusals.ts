/**
 * Refusals of access as events: whoever is told 401 or 403, on whatever route, and whoever is told 404
 * for somebody else's thing.
 */
import type { RequestRecord } from '../http/request-record.ts'
import type { AuditEvent } from './event.ts'
import type { AuditWriter } from './writer.ts'

/** What is told of requests, and of the refused ones to the audit trail too. */
export function recordRefusals<Hooks extends { onRequestDone(record: RequestRecord): void }>(
  auditWriter: AuditWriter,
  hooks: Hooks,
): Hooks {
  return {
    ...hooks,
    onRequestDone(request) {
      hooks.onRequestDone(request)
      const event = refusalOf(request)
      if (event) auditWriter.record(event)
    },
  }
}

/**
 * The event of a refused request. A login that failed has an event of its own, which knows the user,
 * and a token that is too old is no refusal: a client learns by it that it must refresh.
 */
export function refusalOf(request: RequestRecord): AuditEvent | undefined {
  const { status, problemCode: code, userId, method, route, requestId, hiddenThing } = request
  if (code === undefined) return undefined
  const isRefused = status === 401 || status === 403 || hiddenThing !== undefined
  const isAccess = isRefused && !ownEvents.has(code)
  const guess = userId === undefined ? undefined : kindOfCode.get(code)
  const kind = guess ?? (isAccess ? 'access.refused' : undefined)
  if (kind === undefined) return undefined
  return {
    kind,
    actorId: userId ?? null,
    subject: hiddenThing ?? null,
    facts: { code, method, route: route ?? 'none' },
    requestId,
  }
}

/** Guesses of a secret by whoever holds a token; those at a login have events of their own. */
const kindOfCode: ReadonlyMap<string, AuditEvent['kind']> = new Map([
  ['current_password_incorrect', 'user.password_refused'],
  ['second_factor_code_incorrect', 'second_factor.refused'],
])

const ownEvents: ReadonlySet<string> = new Set(['credentials_invalid', 'token_expired'])
