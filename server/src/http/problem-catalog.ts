/**
 * Every way in which the API says no, in one table. A code is a promise: it never changes its
 * meaning or its status, and it has a page at `/problems/<code>` that is made from this table.
 *
 * `retry` tells a program what to do: `same_key` - send the very same request again (with the same
 * idempotency key); `new_key` - change something first, and use a new key; `never` - sending it
 * again cannot help.
 */

import { accountProblems } from './account-problems.ts'
import type { ProblemKind } from './problem-kind.ts'
import { proofProblems } from './proof-problems.ts'
import { refusalProblems } from './refusal-problems.ts'

export type { ProblemKind, Retry } from './problem-kind.ts'

export const problemCatalog = {
  // What is wrong with the request as it was sent: 400.
  validation_failed: {
    status: 400,
    title: 'The request does not match the schema',
    retry: 'new_key',
    explanation:
      'A member, parameter or header is missing, unknown or of the wrong form. `errors` names each one by its JSON Pointer into the body, or by the name of the parameter. Nothing was stored: the idempotency key is still unused.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not acceptable JSON',
    retry: 'new_key',
    explanation:
      'The body must be one JSON text in UTF-8 without a byte order mark, NUL characters, lone surrogates, duplicate members, `__proto__` members or more than 32 levels. All numbers are integers written in digits only: amounts are in minor units, so 1050 is 10.50 EUR. `errors` says where and why.',
  },
  malformed_request: {
    status: 400,
    title: 'The request is not acceptable HTTP',
    retry: 'never',
    explanation:
      'The request line, the headers or the framing of the body break the rules of HTTP (RFC 9110 and 9112): for instance two Host headers, or Content-Length together with Transfer-Encoding.',
  },
  idempotency_key_missing: {
    status: 400,
    title: 'An Idempotency-Key header is required',
    retry: 'new_key',
    explanation:
      'Requests that move or reserve money carry an `Idempotency-Key` header, so that they can be repeated without being done twice. Choose a fresh value, such as a UUID, for each thing you want done once.',
  },
  idempotency_key_invalid: {
    status: 400,
    title: 'The Idempotency-Key header is not valid',
    retry: 'new_key',
    explanation:
      'An idempotency key is sent once and consists of 1 to 255 visible ASCII characters.',
  },
  currency_not_supported: {
    status: 400,
    title: 'The bank does not deal in this currency',
    retry: 'new_key',
    explanation:
      '`supported` lists the currencies that the bank deals in; `GET /v1/currencies` tells more about them. Nothing was stored: the idempotency key is still unused.',
  },
  invalid_cursor: {
    status: 400,
    title: 'The cursor is not valid for this list',
    retry: 'never',
    explanation:
      'A cursor is the `next_cursor` of a page of the same list, read by the same user with the same filters. Start again without one.',
  },

  // Who is asking: 401.
  token_missing: {
    status: 401,
    title: 'An access token is required',
    retry: 'new_key',
    explanation:
      'Send `Authorization: Bearer <access token>`. A token comes from `POST /v1/sessions`.',
  },
  authorization_unsupported: {
    status: 401,
    title: 'The authorization scheme is not supported',
    retry: 'new_key',
    explanation: 'The only scheme is Bearer: `Authorization: Bearer <access token>`.',
  },
  authorization_invalid: {
    status: 401,
    title: 'The Authorization header is malformed',
    retry: 'new_key',
    explanation:
      'There must be exactly one Authorization header of the form `Bearer <access token>`.',
  },
  token_invalid: {
    status: 401,
    title: 'The access token is not valid',
    retry: 'new_key',
    explanation:
      'The token was not issued by this bank for this use, or no longer counts: its session was ended, or the roles or the status of its user changed. Get a new access token with `POST /v1/sessions/refresh`, or log in.',
  },
  token_expired: {
    status: 401,
    title: 'The access token has expired',
    retry: 'same_key',
    explanation:
      'Get a new access token, then send the same request with the same idempotency key again.',
  },
  credentials_invalid: {
    status: 401,
    title: 'The username or the password is not right',
    retry: 'new_key',
    explanation:
      'There is no active user with this username and this password. The answer does not say which of them is wrong.',
  },

  refresh_token_invalid: {
    status: 401,
    title: 'The refresh token is not valid',
    retry: 'new_key',
    explanation:
      'The token was not issued by this bank, was used before, is too old, or its session was ended. A refresh token is used once; using a spent one ends its session, because one of two holders is not its owner. Log in.',
  },

  // What the caller may do: 403.
  role_required: {
    status: 403,
    title: 'This needs a role that you do not have',
    retry: 'never',
    explanation: '`roles` lists the roles of which one is needed. An admin can grant them.',
  },
  scope_required: {
    status: 403,
    title: 'The API key is not for this',
    retry: 'never',
    explanation:
      '`scope` is what an API key needs for this route; null means that it is for people only, with the access token of a session. A key keeps the scopes that it was made with: make another one.',
  },
  own_account: {
    status: 403,
    title: 'Staff must not act on an account of their own',
    retry: 'never',
    explanation:
      "A teller pays in and out on other people's accounts only, and an admin freezes or limits only those. Use a customer request (`POST /v1/transfers`) for your own money, or ask a colleague.",
  },

  // What is not there, or not yours: 404.
  route_not_found: {
    status: 404,
    title: 'There is no such path',
    retry: 'never',
    explanation:
      'Paths are case-sensitive and have no trailing slash. The API reference is at `/docs`.',
  },
  account_not_found: {
    status: 404,
    title: 'There is no such account',
    retry: 'never',
    explanation:
      'The account does not exist, or it is not yours to see: both give the same answer. In a transfer, `side` says which of the two accounts is meant (`debit` pays, `credit` receives).',
  },
  user_not_found: {
    status: 404,
    title: 'There is no such user',
    retry: 'never',
    explanation: 'No user has this id.',
  },
  session_not_found: {
    status: 404,
    title: 'There is no such session',
    retry: 'never',
    explanation:
      'The session does not exist, has ended, or is not yours: all give the same answer.',
  },
  api_key_not_found: {
    status: 404,
    title: 'There is no such API key',
    retry: 'never',
    explanation: 'The key does not exist, or it is not yours to see: both give the same answer.',
  },
  transfer_not_found: {
    status: 404,
    title: 'There is no such transfer',
    retry: 'never',
    explanation:
      'The transfer does not exist, or you are no party to it: both give the same answer.',
  },
  hold_not_found: {
    status: 404,
    title: 'There is no such hold',
    retry: 'never',
    explanation:
      'The hold does not exist, or it is not on an account of yours: both give the same answer.',
  },
  payee_not_found: {
    status: 404,
    title: 'There is no such payee',
    retry: 'never',
    explanation:
      'No user of exactly this name has an open account in this currency. User names are told by their owners: there is no search.',
  },

  // How it was asked.
  method_not_allowed: {
    status: 405,
    title: 'The path does not have this method',
    retry: 'never',
    explanation: 'The `Allow` header lists the methods of this path.',
  },
  username_taken: {
    status: 409,
    title: 'The username is taken',
    retry: 'new_key',
    explanation: 'Usernames are unique and know no capitals. Choose another one.',
  },
  bank_account_exists: {
    status: 409,
    title: 'The bank account is there, with another normal side',
    retry: 'never',
    explanation:
      'A bank account is opened once for each code and currency and never changes. Opening it again with the same normal side gives the one that is there.',
  },
  last_admin: {
    status: 409,
    title: 'The bank would be left without an admin',
    retry: 'never',
    explanation:
      'The user is the last active admin: make another one first. Of two admins who remove each other at once, one is refused.',
  },
  hold_not_active: {
    status: 409,
    title: 'The hold is not active any more',
    retry: 'never',
    explanation:
      'A hold is captured, released or expired once, and never changes after that: `state` says which. Of several tries at once one has its way. Nothing was moved by this one.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    retry: 'same_key',
    explanation: 'Headers and body must arrive within the time limit. Nothing was done.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    retry: 'never',
    explanation: 'A body has at most 1 MiB, that of a bulk 8 MiB.',
  },
  uri_too_long: {
    status: 414,
    title: 'The path is too long',
    retry: 'never',
    explanation: 'A part of the path is longer than any id or name that the bank gives out.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not application/json',
    retry: 'new_key',
    explanation: 'Send `Content-Type: application/json`, in UTF-8 and without a Content-Encoding.',
  },
  expectation_failed: {
    status: 417,
    title: 'The expectation cannot be met',
    retry: 'never',
    explanation: 'The only expectation that the server knows is `Expect: 100-continue`.',
  },
  misdirected_request: {
    status: 421,
    title: 'The request is meant for another server',
    retry: 'never',
    explanation: 'The request line names another host than the Host header. This is no proxy.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    retry: 'never',
    explanation: 'The headers together have at most 16 KiB, and there are at most 100.',
  },

  // Well-formed, but refused: 422. In the ledger's order of precedence.
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key was used for something else',
    retry: 'new_key',
    explanation:
      'The key belongs to an earlier request of yours with other content; `fields` names what differs. A new instruction needs a new key.',
  },
  current_password_incorrect: {
    status: 422,
    title: 'The current password is not right',
    retry: 'new_key',
    explanation:
      'Who changes a password shows that they know the one before, in `current_password`. Nothing was changed.',
  },
  too_many_api_keys: {
    status: 422,
    title: 'There are as many API keys as one user may have',
    retry: 'never',
    explanation: '`limit` is how many keys one user may have that still count. Revoke one.',
  },
  too_many_accounts: {
    status: 422,
    title: 'You have as many accounts as one user may have',
    retry: 'never',
    explanation: '`limit` is how many accounts one user may have; closed ones do not count.',
  },
  ...refusalProblems,

  // Too often: 429.
  rate_limited: {
    status: 429,
    title: 'That was asked too often',
    retry: 'same_key',
    explanation:
      'Nothing was done. Wait as `Retry-After` says and send the same request again. `RateLimit-Policy` names the limit and `RateLimit` what is left of it. Tries to log in are limited by address and account; where you have logged in before, what others try does not hold you up.',
  },

  ...accountProblems,
  ...proofProblems,

  // Ours: 5xx.
  internal_error: {
    status: 500,
    title: 'Something went wrong inside the bank',
    retry: 'same_key',
    explanation:
      'A defect of the server. Tell its operator the `request_id`. With the same idempotency key the request can be repeated safely.',
  },
  overloaded: {
    status: 503,
    title: 'The bank has too much to do at the moment',
    retry: 'same_key',
    explanation: 'Nothing was done. Wait as `Retry-After` says and send the same request again.',
  },
  unavailable: {
    status: 503,
    title: 'The bank has no database at the moment',
    retry: 'same_key',
    explanation: 'Nothing was done. Wait as `Retry-After` says and send the same request again.',
  },
  shutting_down: {
    status: 503,
    title: 'This server is stopping',
    retry: 'same_key',
    explanation: 'Nothing was done. Send the same request again: another server will take it.',
  },
  outcome_unknown: {
    status: 503,
    title: 'It is not known whether this was done',
    retry: 'same_key',
    explanation:
      'The answer of the database was lost. Send the same request with the same idempotency key: it gives the true outcome, and nothing is done twice.',
  },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof problemCatalog

export function isProblemCode(text: string): text is ProblemCode {
  return Object.hasOwn(problemCatalog, text)
}

/** All codes, in the order of the table. */
export const problemCodes: readonly ProblemCode[] =
  Object.keys(problemCatalog).filter(isProblemCode)

/** Seconds after which a client may try again, in the Retry-After of every 503. */
export const retryAfterSeconds = 1
