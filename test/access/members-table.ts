/**
 * What each answer shows to whom: the exact members, by route and by the relation of the caller to the
 * thing. Reviewed by people, and held to the real API by members.db.test.ts, where a member or a route
 * that is not here fails.
 *
 * Members of objects within stand behind a dot, those of lists behind `[].`. One text is what all
 * roles see that are answered at all (access-table.ts); where they see different things, it is one
 * text for each role. `text` is a page or a script, `none` an answer without a body.
 */
import type { Role } from '../../server/src/http/route.ts'

export type Members = string | Partial<Record<Role, string>>

/** The relations are those of the access table; one that nobody is answered in is absent. */
export type MembersRow = Partial<Record<'stranger' | 'any' | 'own' | 'another', Members>>

const listOf = (members: string) =>
  [...members.split(' ').map((name) => `data[].${name}`), 'next_cursor'].join(' ')
const within = (parent: string, members: string) =>
  members
    .split(' ')
    .map((name) => `${parent}.${name}`)
    .join(' ')
const both = (members: string): MembersRow => ({ own: members, another: members })

/** Never a hash, nor anything of another user's money. */
const user = 'created_at email email_verified full_name id roles status username'
const session = 'address created_at current expires_at id refreshed_at user_agent'
export const openedSession = [
  'access_token access_token_expires_at refresh_token refresh_token_expires_at session_id',
  within('user', user),
].join(' ')
const apiKeyFixed = 'created_at expires_at id name scopes user_id'
const apiKey = `${apiKeyFixed} last_used_at revoked_at`
const account =
  'available_balance created_at currency held id ledger_balance limits.per_day limits.per_transfer name overdraft_limit owner_id status version'
const bankAccount = 'code created_at currency id ledger_balance normal_side'
const entryFixed = 'amount balance_after counterparty.account_id created_at description reference'
const entry = `${entryFixed} counterparty.display_name seq transfer_id`
const moneyEntry = `${entryFixed} seq transfer_id`
const transferFixed =
  'amount created_at currency description from_account_id group_id hold_id id kind reference reverses_id to_account_id'
/** Staff, who are no party of it. */
const transfer = transferFixed
const transferOfPayer = `${transferFixed} metadata ${within('from_entry', moneyEntry)}`
const transferOfReceiver = `${transferFixed} ${within('to_entry', moneyEntry)}`
/** Nobody holds anything, and nothing was reversed: see `listed` for what is in such lists. */
const emptyList = 'data next_cursor'
const hold = 'amount captured created_at currency expires_at from_account_id id state to_account_id'
/** Where one is read, and not listed. */
export const transferReadBy = {
  payer: `${transferOfPayer} reversed_amount`,
  receiver: `${transferOfReceiver} reversed_amount`,
  staff: `${transfer} reversed_amount`,
}
export const listed = {
  hold: listOf(hold),
  reversal: { payer: listOf(transferOfPayer), staff: listOf(transfer) },
}
const bulkProblem = 'code detail request_id retry side status title type'
const auditEvent = 'actor_id count created_at facts id kind origin request_id subject_id'

export const membersTable: Readonly<Record<string, MembersRow>> = {
  // Whoever there is.
  'GET /livez': { stranger: 'checks status' },
  'GET /readyz': { stranger: 'checks.database status' },
  'GET /openapi.json': { stranger: 'text' },
  'GET /docs': { stranger: 'text' },
  'GET /docs/start.js': { stranger: 'text' },
  'GET /docs/reference.js': { stranger: 'text' },
  'GET /problems/:code': { stranger: 'code explanation retry status title' },
  'GET /confirm-email': { stranger: 'text' },
  'GET /reset-password': { stranger: 'text' },
  'GET /mail-links.js': { stranger: 'text' },
  'GET /v1/currencies': { stranger: 'data[].code data[].exponent data[].name' },
  'POST /v1/users': { stranger: user },
  'POST /v1/password-resets': { stranger: 'none' },

  // Oneself.
  'GET /v1/users/me': { any: user },
  'PATCH /v1/users/me': { any: user },
  'POST /v1/users/me/email-confirmations': { any: 'none' },
  'GET /v1/users/me/second-factor': { any: 'recovery_codes_left state' },
  'POST /v1/users/me/second-factor': { any: 'otpauth_url secret' },
  'GET /v1/sessions': { any: listOf(session) },
  'DELETE /v1/sessions': { any: 'none' },
  'DELETE /v1/sessions/current': { any: 'none' },
  'DELETE /v1/sessions/:id': { own: 'none' },
  'POST /v1/api-keys': both(`${apiKeyFixed} key`),
  'GET /v1/api-keys': both(listOf(apiKey)),
  'DELETE /v1/api-keys/:id': both('none'),

  // Users.
  'GET /v1/users': { any: listOf(user) },
  'GET /v1/users/:id': both(user),
  'PUT /v1/users/:id/roles/:role': both(user),
  'DELETE /v1/users/:id/roles/:role': both(user),
  'POST /v1/users/:id/disable': both(user),
  'POST /v1/users/:id/enable': both(user),
  'DELETE /v1/users/:id/sessions': both('none'),

  // Accounts.
  'POST /v1/accounts': { any: account },
  'GET /v1/accounts': both(listOf(account)),
  'GET /v1/accounts/:id': both(account),
  'PATCH /v1/accounts/:id': { own: account },
  'GET /v1/accounts/:id/entries': both(listOf(entry)),
  'POST /v1/accounts/:id/freeze': { another: account },
  'POST /v1/accounts/:id/unfreeze': { another: account },
  'PUT /v1/accounts/:id/overdraft-limit': { another: account },
  'PUT /v1/accounts/:id/limits': { another: account },
  'GET /v1/payees': both('account_id currency display_name'),

  // Money.
  'POST /v1/transfers': { own: transferOfPayer },
  'GET /v1/transfers': { own: listOf(transferOfReceiver), another: listOf(transfer) },
  'GET /v1/transfers/:id': { own: transferReadBy.receiver, another: transferReadBy.staff },
  // What is another's is refused one by one, with the problem of its own.
  'POST /v1/transfers/bulk': {
    own: `outcomes[].index outcomes[].status ${within('outcomes[].transfer', transferOfPayer)}`,
    another: `outcomes[].index outcomes[].status ${within('outcomes[].problem', bulkProblem)}`,
  },
  'POST /v1/transfers/:id/reversals': { own: transferOfPayer, another: transfer },
  'GET /v1/transfers/:id/reversals': both(emptyList),
  'POST /v1/holds': { own: hold },
  'GET /v1/holds': both(emptyList),
  'GET /v1/holds/:id': both(hold),
  'POST /v1/holds/:id/capture': { own: transferOfPayer },
  'POST /v1/holds/:id/release': { own: hold },
  'POST /v1/deposits': { another: transfer },
  'POST /v1/withdrawals': { another: transfer },

  // The bank.
  'POST /v1/bank-accounts': { any: bankAccount },
  'GET /v1/bank-accounts': { any: listOf(bankAccount) },
  'GET /v1/audit-events': { any: listOf(auditEvent) },
}
