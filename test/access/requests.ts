/** A request for each row of the table: one that only access could stand in the way of. */
import { personPassword as password, type Person } from './world.ts'

export interface TableRequest {
  path: string
  body?: unknown
  idempotencyKey?: boolean
}

/** `subject`: whose thing it is about, or who is nobody. `other`: somebody to pay. */
export type RequestMaker = (subject: Person, other: Person) => TableRequest | Promise<TableRequest>

const money = { amount: 1, currency: 'EUR' }
const profile = { full_name: 'A Person', email: 'person@example.com' }
/** Of the right form, and of no mail that was ever sent. */
const mailToken = 'A'.repeat(43)

const plain =
  (path: string): RequestMaker =>
  () => ({ path })
const counter =
  (path: string): RequestMaker =>
  ({ account }) => ({ path, body: { account_id: account, ...money }, idempotencyKey: true })

export const requests: Readonly<Record<string, RequestMaker>> = {
  'GET /livez': plain('/livez'),
  'GET /readyz': plain('/readyz'),
  'GET /openapi.json': plain('/openapi.json'),
  'GET /docs': plain('/docs'),
  'GET /docs/start.js': plain('/docs/start.js'),
  'GET /docs/reference.js': plain('/docs/reference.js'),
  'GET /problems/:code': plain('/problems/role_required'),
  'GET /confirm-email': plain('/confirm-email'),
  'GET /reset-password': plain('/reset-password'),
  'GET /mail-links.js': plain('/mail-links.js'),
  'GET /v1/currencies': plain('/v1/currencies'),
  'POST /v1/users': ({ username }) => ({
    path: '/v1/users',
    body: { username: `${username}_new`, password, ...profile },
  }),
  'POST /v1/sessions': ({ username }) => ({
    path: '/v1/sessions',
    body: { username, password: 'not the one' },
  }),
  'POST /v1/sessions/second-factor': () => ({
    path: '/v1/sessions/second-factor',
    body: { challenge: mailToken, code: '123456' },
  }),
  'POST /v1/sessions/refresh': () => ({
    path: '/v1/sessions/refresh',
    body: { refresh_token: 'nonsense' },
  }),
  'POST /v1/email-confirmations': () => ({
    path: '/v1/email-confirmations',
    body: { token: mailToken },
  }),
  'POST /v1/password-resets': () => ({
    path: '/v1/password-resets',
    body: { email: profile.email },
  }),
  'POST /v1/password-resets/confirm': () => ({
    path: '/v1/password-resets/confirm',
    body: { token: mailToken, password },
  }),

  'GET /v1/users/me': plain('/v1/users/me'),
  'PATCH /v1/users/me': () => ({ path: '/v1/users/me', body: { full_name: 'Another Name' } }),
  'POST /v1/users/me/email-confirmations': plain('/v1/users/me/email-confirmations'),
  'GET /v1/users/me/second-factor': plain('/v1/users/me/second-factor'),
  'POST /v1/users/me/second-factor': () => ({
    path: '/v1/users/me/second-factor',
    body: { current_password: password },
  }),
  'POST /v1/users/me/second-factor/confirm': () => ({
    path: '/v1/users/me/second-factor/confirm',
    body: { code: '123456' },
  }),
  'POST /v1/users/me/second-factor/recovery-codes': () => ({
    path: '/v1/users/me/second-factor/recovery-codes',
    body: { code: '123456' },
  }),
  'POST /v1/users/me/second-factor/disable': () => ({
    path: '/v1/users/me/second-factor/disable',
    body: { current_password: password, code: '123456' },
  }),
  'GET /v1/sessions': plain('/v1/sessions'),
  'DELETE /v1/sessions': plain('/v1/sessions'),
  'DELETE /v1/sessions/current': plain('/v1/sessions/current'),
  'DELETE /v1/sessions/:id': ({ session }) => ({ path: `/v1/sessions/${session}` }),
  'POST /v1/api-keys': ({ user }) => ({
    path: '/v1/api-keys',
    body: { name: 'a key', scopes: ['accounts:read'], user_id: user },
  }),
  'GET /v1/api-keys': ({ user }) => ({ path: `/v1/api-keys?user_id=${user}` }),
  'DELETE /v1/api-keys/:id': ({ apiKey }) => ({ path: `/v1/api-keys/${apiKey}` }),

  'GET /v1/users': plain('/v1/users'),
  'GET /v1/users/:id': ({ user }) => ({ path: `/v1/users/${user}` }),
  'PUT /v1/users/:id/roles/:role': ({ user }) => ({ path: `/v1/users/${user}/roles/auditor` }),
  'DELETE /v1/users/:id/roles/:role': ({ user }) => ({ path: `/v1/users/${user}/roles/admin` }),
  'POST /v1/users/:id/disable': ({ user }) => ({ path: `/v1/users/${user}/disable` }),
  'POST /v1/users/:id/enable': ({ user }) => ({ path: `/v1/users/${user}/enable` }),
  'DELETE /v1/users/:id/sessions': ({ user }) => ({ path: `/v1/users/${user}/sessions` }),

  'POST /v1/accounts': () => ({ path: '/v1/accounts', body: { currency: 'EUR' } }),
  'GET /v1/accounts': ({ user }) => ({ path: `/v1/accounts?owner_id=${user}` }),
  'GET /v1/accounts/:id': ({ account }) => ({ path: `/v1/accounts/${account}` }),
  'PATCH /v1/accounts/:id': ({ account }) => ({
    path: `/v1/accounts/${account}`,
    body: { name: 'A Name' },
  }),
  'GET /v1/accounts/:id/entries': ({ account }) => ({ path: `/v1/accounts/${account}/entries` }),
  // There is money on it: that this is the answer shows that nothing else stood in the way.
  'POST /v1/accounts/:id/close': ({ account }) => ({ path: `/v1/accounts/${account}/close` }),
  'POST /v1/accounts/:id/freeze': ({ account }) => ({ path: `/v1/accounts/${account}/freeze` }),
  'POST /v1/accounts/:id/unfreeze': ({ account }) => ({ path: `/v1/accounts/${account}/unfreeze` }),
  'PUT /v1/accounts/:id/overdraft-limit': ({ account }) => ({
    path: `/v1/accounts/${account}/overdraft-limit`,
    body: { overdraft_limit: 100 },
  }),
  'PUT /v1/accounts/:id/limits': ({ account }) => ({
    path: `/v1/accounts/${account}/limits`,
    body: { per_transfer: 100, per_day: null },
  }),
  'GET /v1/payees': ({ username }) => ({ path: `/v1/payees?username=${username}&currency=EUR` }),

  'POST /v1/transfers': ({ account }, other) => ({
    path: '/v1/transfers',
    body: { from_account_id: account, to_account_id: other.account, ...money },
    idempotencyKey: true,
  }),
  'POST /v1/transfers/bulk': ({ account }, other) => ({
    path: '/v1/transfers/bulk',
    body: { transfers: [{ from_account_id: account, to_account_id: other.account, ...money }] },
    idempotencyKey: true,
  }),
  'GET /v1/transfers': ({ account }) => ({ path: `/v1/transfers?account_id=${account}` }),
  'GET /v1/transfers/:id': ({ transfer }) => ({ path: `/v1/transfers/${transfer}` }),
  'POST /v1/transfers/:id/reversals': async ({ receive }) => ({
    path: `/v1/transfers/${await receive()}/reversals`,
    idempotencyKey: true,
  }),
  'GET /v1/transfers/:id/reversals': ({ transfer }) => ({
    path: `/v1/transfers/${transfer}/reversals`,
  }),
  'POST /v1/holds': ({ account }, other) => ({
    path: '/v1/holds',
    body: { from_account_id: account, to_account_id: other.account, ...money },
    idempotencyKey: true,
  }),
  'GET /v1/holds': ({ account }) => ({ path: `/v1/holds?account_id=${account}` }),
  'GET /v1/holds/:id': async ({ hold }) => ({ path: `/v1/holds/${await hold()}` }),
  'POST /v1/holds/:id/capture': async ({ hold }) => ({
    path: `/v1/holds/${await hold()}/capture`,
    idempotencyKey: true,
  }),
  'POST /v1/holds/:id/release': async ({ hold }) => ({
    path: `/v1/holds/${await hold()}/release`,
    idempotencyKey: true,
  }),
  'POST /v1/deposits': counter('/v1/deposits'),
  'POST /v1/withdrawals': counter('/v1/withdrawals'),

  'POST /v1/bank-accounts': () => ({
    path: '/v1/bank-accounts',
    body: { code: 'fees', currency: 'EUR' },
  }),
  'GET /v1/bank-accounts': plain('/v1/bank-accounts'),
  'GET /v1/audit-events': plain('/v1/audit-events'),
}
