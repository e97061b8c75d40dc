/**
 * Who may do what: for each route, each role, and each relation of the caller to the thing that is
 * asked for, what the answer is. Reviewed by people, and held to the real API by access.db.test.ts,
 * where a route without a row fails.
 *
 * Each list has one answer per role, in the order of `tableRoles`: `ok` for any 2xx, else the code of
 * the problem. Whoever comes without a token to a route that is not public gets `token_missing`; that
 * is tested for all and has no place in the table.
 */
import type { ProblemCode } from '../../server/src/http/problem-catalog.ts'
import type { Role } from '../../server/src/http/route.ts'

export const tableRoles = ['customer', 'teller', 'auditor', 'admin'] as const satisfies Role[]

export type Answer = 'ok' | ProblemCode
/** Of a customer, a teller, an auditor and an admin. */
export type Answers = readonly [Answer, Answer, Answer, Answer]

/** `own`: the caller's thing. `another`: somebody else's. `absent`: one that there is not. */
export type Relation = 'own' | 'another' | 'absent'

/** `stranger`: a public route, asked without a token. `any`: the route is about no one's thing. */
export type Row =
  | { stranger: Answer }
  | { any: Answers }
  | { own: Answers; another: Answers; absent: Answers }

const all = ['ok', 'ok', 'ok', 'ok'] as const
const staff = ['role_required', 'ok', 'ok', 'ok'] as const
const tellers = ['role_required', 'ok', 'role_required', 'role_required'] as const
const auditors = ['role_required', 'role_required', 'ok', 'role_required'] as const
const admins = ['role_required', 'role_required', 'role_required', 'ok'] as const

/** The same answer to every role. */
const each = (answer: Answer): Answers => [answer, answer, answer, answer]
/** Other answers than `ok` to those who may. */
const but = (answers: Answers, answer: Answer): Answers => {
  const [customer, teller, auditor, admin] = answers
  const of = (given: Answer) => (given === 'ok' ? answer : given)
  return [of(customer), of(teller), of(auditor), of(admin)]
}

const aboutUsers = (who: Answers): Row => ({
  own: who,
  another: who,
  absent: but(who, 'user_not_found'),
})

const aboutOthersAccounts = (who: Answers): Row => ({
  own: but(who, 'own_account'),
  another: who,
  absent: but(who, 'account_not_found'),
})

export const accessTable: Readonly<Record<string, Row>> = {
  // Whoever there is.
  'GET /livez': { stranger: 'ok' },
  'GET /readyz': { stranger: 'ok' },
  'GET /openapi.json': { stranger: 'ok' },
  'GET /docs': { stranger: 'ok' },
  'GET /docs/start.js': { stranger: 'ok' },
  'GET /docs/reference.js': { stranger: 'ok' },
  'GET /problems/:code': { stranger: 'ok' },
  'GET /confirm-email': { stranger: 'ok' },
  'GET /reset-password': { stranger: 'ok' },
  'GET /mail-links.js': { stranger: 'ok' },
  'GET /v1/currencies': { stranger: 'ok' },
  'POST /v1/users': { stranger: 'ok' },
  'POST /v1/sessions': { stranger: 'credentials_invalid' },
  'POST /v1/sessions/second-factor': { stranger: 'challenge_invalid' },
  'POST /v1/sessions/refresh': { stranger: 'refresh_token_invalid' },
  'POST /v1/email-confirmations': { stranger: 'mail_token_invalid' },
  'POST /v1/password-resets': { stranger: 'ok' },
  'POST /v1/password-resets/confirm': { stranger: 'mail_token_invalid' },

  // Oneself.
  'GET /v1/users/me': { any: all },
  'PATCH /v1/users/me': { any: all },
  'POST /v1/users/me/email-confirmations': { any: all },
  'GET /v1/users/me/second-factor': { any: all },
  'POST /v1/users/me/second-factor': { any: all },
  // They have none yet: what is asked here is who may ask.
  'POST /v1/users/me/second-factor/confirm': { any: each('second_factor_not_found') },
  'POST /v1/users/me/second-factor/recovery-codes': { any: each('second_factor_not_found') },
  'POST /v1/users/me/second-factor/disable': { any: each('second_factor_not_found') },
  'GET /v1/sessions': { any: all },
  'DELETE /v1/sessions': { any: all },
  'DELETE /v1/sessions/current': { any: all },
  'DELETE /v1/sessions/:id': {
    own: all,
    another: each('session_not_found'),
    absent: each('session_not_found'),
  },
  'POST /v1/api-keys': {
    own: all,
    another: admins,
    absent: ['role_required', 'role_required', 'role_required', 'user_not_found'],
  },
  'GET /v1/api-keys': { own: all, another: admins, absent: admins },
  'DELETE /v1/api-keys/:id': {
    own: all,
    another: ['api_key_not_found', 'api_key_not_found', 'api_key_not_found', 'ok'],
    absent: each('api_key_not_found'),
  },

  // Users.
  'GET /v1/users': { any: staff },
  'GET /v1/users/:id': aboutUsers(staff),
  'PUT /v1/users/:id/roles/:role': aboutUsers(admins),
  'DELETE /v1/users/:id/roles/:role': aboutUsers(admins),
  'POST /v1/users/:id/disable': aboutUsers(admins),
  'POST /v1/users/:id/enable': aboutUsers(admins),
  'DELETE /v1/users/:id/sessions': aboutUsers(admins),

  // Accounts.
  'POST /v1/accounts': { any: all },
  'GET /v1/accounts': { own: all, another: staff, absent: staff },
  'GET /v1/accounts/:id': {
    own: all,
    another: ['account_not_found', 'ok', 'ok', 'ok'],
    absent: each('account_not_found'),
  },
  'PATCH /v1/accounts/:id': {
    own: all,
    another: each('account_not_found'),
    absent: each('account_not_found'),
  },
  'GET /v1/accounts/:id/entries': {
    own: all,
    another: ['account_not_found', 'account_not_found', 'ok', 'account_not_found'],
    absent: each('account_not_found'),
  },
  'POST /v1/accounts/:id/close': {
    own: each('account_not_empty'),
    another: ['account_not_found', 'role_required', 'role_required', 'account_not_empty'],
    absent: each('account_not_found'),
  },
  'POST /v1/accounts/:id/freeze': aboutOthersAccounts(admins),
  'POST /v1/accounts/:id/unfreeze': aboutOthersAccounts(admins),
  'PUT /v1/accounts/:id/overdraft-limit': aboutOthersAccounts(admins),
  'PUT /v1/accounts/:id/limits': aboutOthersAccounts(admins),
  'GET /v1/payees': { own: all, another: all, absent: each('payee_not_found') },

  // Money.
  'POST /v1/transfers': {
    own: all,
    another: each('account_not_found'),
    absent: each('account_not_found'),
  },
  // Each transfer of a bulk has an outcome of its own.
  'POST /v1/transfers/bulk': { own: all, another: all, absent: all },
  'GET /v1/transfers': {
    own: all,
    another: ['account_not_found', 'ok', 'ok', 'ok'],
    absent: each('account_not_found'),
  },
  'GET /v1/transfers/:id': {
    own: all,
    another: ['transfer_not_found', 'ok', 'ok', 'ok'],
    absent: each('transfer_not_found'),
  },
  'POST /v1/transfers/:id/reversals': {
    own: all,
    another: ['transfer_not_found', 'ok', 'transfer_not_found', 'transfer_not_found'],
    absent: each('transfer_not_found'),
  },
  'GET /v1/transfers/:id/reversals': {
    own: all,
    another: ['transfer_not_found', 'ok', 'ok', 'ok'],
    absent: each('transfer_not_found'),
  },
  'POST /v1/holds': {
    own: all,
    another: each('account_not_found'),
    absent: each('account_not_found'),
  },
  'GET /v1/holds': {
    own: all,
    another: ['account_not_found', 'ok', 'ok', 'ok'],
    absent: each('account_not_found'),
  },
  'GET /v1/holds/:id': {
    own: all,
    another: ['hold_not_found', 'ok', 'ok', 'ok'],
    absent: each('hold_not_found'),
  },
  'POST /v1/holds/:id/capture': {
    own: all,
    another: each('hold_not_found'),
    absent: each('hold_not_found'),
  },
  'POST /v1/holds/:id/release': {
    own: all,
    another: each('hold_not_found'),
    absent: each('hold_not_found'),
  },
  'POST /v1/deposits': aboutOthersAccounts(tellers),
  'POST /v1/withdrawals': aboutOthersAccounts(tellers),

  // The bank.
  'POST /v1/bank-accounts': { any: admins },
  'GET /v1/bank-accounts': { any: staff },
  'GET /v1/audit-events': { any: auditors },
}
