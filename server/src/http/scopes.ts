/**
 * What an API key may be used for. A route names the one scope that it needs (`config.scope`); a
 * route without one is for people only. A scope never gives more than its user may do: a teller's key
 * with `deposits:write` pays in because the user is a teller.
 */
export const scopes = [
  'profile:read',
  'payees:read',
  'accounts:read',
  'accounts:write',
  'transfers:read',
  'transfers:write',
  'holds:read',
  'holds:write',
  'deposits:write',
  'withdrawals:write',
  'bank_accounts:read',
] as const

export type Scope = (typeof scopes)[number]
