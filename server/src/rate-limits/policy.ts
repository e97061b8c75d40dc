/** What is limited, and how much of it there may be. */

/** So many at once, and that many again over each period. */
export interface Rate {
  count: number
  periodMilliseconds: number
}

/** A rate, or no limit. */
export type Limit = Rate | undefined

/**
 * Limits of what a stranger can try, counted exactly over all servers. `source` counts what comes
 * from one address, `account` what is tried on one account from anywhere, `pair` what one address
 * tries on one account.
 *
 * `pair` holds up whoever guesses. It is much smaller than `account`, so one address alone cannot
 * use up an account's tries; and an address from which the owner has logged in before is not held
 * to `account` at all, so nobody can lock the owner out there.
 */
export interface TryLimits {
  pair?: Limit
  source?: Limit
  account?: Limit
}

export type TryClass = 'sign_up' | 'login' | 'password_reset' | 'second_factor'

/**
 * Limits of requests as such, counted by each server for itself in memory: by address where the
 * route is public, else by user or API key. `bad_token` counts what showed no good token, by address.
 */
export type RequestClass = 'public' | 'bad_token' | 'read' | 'write' | 'money'

export interface RateLimitPolicies {
  tries: Readonly<Record<TryClass, TryLimits>>
  requests: Readonly<Record<RequestClass, Limit>>
}

/** What is left of a limit after a request, for the client to know. */
export interface LimitState {
  /** The class, which names the limit. */
  name: string
  rate: Rate
  remaining: number
  /** Until it is whole again. */
  fullMilliseconds: number
}

export type LimitVerdict =
  | { isAllowed: true; state: LimitState | undefined }
  | { isAllowed: false; state: LimitState; waitMilliseconds: number }
