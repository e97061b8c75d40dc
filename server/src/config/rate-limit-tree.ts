/** From the settings of rate limits to the policies that they make. */
import type { Limit, Rate, RateLimitPolicies } from '../rate-limits/rate-limits.ts'
import type { SettingValues } from './settings.ts'

export function createRateLimitTree(values: SettingValues): RateLimitPolicies {
  const limit = (value: Rate | 'off'): Limit =>
    values.RATE_LIMITS && value !== 'off' ? value : undefined
  const source = limit(values.RATE_LIMIT_LOGIN_ADDRESS)
  return {
    tries: {
      sign_up: { source: limit(values.RATE_LIMIT_SIGN_UP) },
      login: {
        pair: limit(values.RATE_LIMIT_LOGIN),
        source,
        account: limit(values.RATE_LIMIT_LOGIN_ACCOUNT),
      },
      password_reset: {
        source: limit(values.RATE_LIMIT_RESET_ADDRESS),
        account: limit(values.RATE_LIMIT_RESET_ACCOUNT),
      },
      second_factor: {
        pair: limit(values.RATE_LIMIT_SECOND_FACTOR),
        source,
        account: limit(values.RATE_LIMIT_SECOND_FACTOR_ACCOUNT),
      },
    },
    requests: {
      public: limit(values.RATE_LIMIT_PUBLIC),
      bad_token: limit(values.RATE_LIMIT_BAD_TOKENS),
      read: limit(values.RATE_LIMIT_READS),
      write: limit(values.RATE_LIMIT_WRITES),
      money: limit(values.RATE_LIMIT_MONEY),
    },
  }
}
