/** The settings of rate limits. */
import { parseBoolean, parseLimit } from './parsers.ts'
import { setting } from './setting.ts'

const group = 'Rate limits'
const limit = (description: string, fallback: string) =>
  setting({ group, description, example: '50/10m', fallback, parse: parseLimit })

const shared = 'Counted over all servers'
const own = 'Counted by each server for itself'

export const rateLimitSettings = {
  RATE_LIMITS: setting({
    group,
    description:
      '`false` switches off all rate limits, for benchmarks and tests that fire from one address. A ' +
      'limit is so many at once and that many again over the time behind the slash, or `off`.',
    example: 'false',
    fallback: 'true',
    parse: parseBoolean,
  }),
  RATE_LIMIT_SIGN_UP: limit(`Sign-ups from one address. ${shared}.`, '100/10m'),
  RATE_LIMIT_LOGIN: limit(
    `Failed logins from one address to one user name. ${shared}, as are the next two.`,
    '10/15m',
  ),
  RATE_LIMIT_LOGIN_ADDRESS: limit('Failed logins from one address, to any user name.', '100/10m'),
  RATE_LIMIT_LOGIN_ACCOUNT: limit(
    'Failed logins to one user name from anywhere but the addresses from which its owner has ' +
      'logged in before.',
    '100/1h',
  ),
  RATE_LIMIT_RESET_ADDRESS: limit(
    `Password resets asked for from one address. ${shared}.`,
    '30/1h',
  ),
  RATE_LIMIT_RESET_ACCOUNT: limit(
    `Password resets asked for one e-mail address. ${shared}.`,
    '5/1h',
  ),
  RATE_LIMIT_SECOND_FACTOR: limit(
    `Wrong codes of a second factor from one address for one user. ${shared}, as is the next.`,
    '10/15m',
  ),
  RATE_LIMIT_SECOND_FACTOR_ACCOUNT: limit(
    'Wrong codes of a second factor for one user from anywhere but the addresses from which they ' +
      'have logged in before.',
    '20/1h',
  ),
  RATE_LIMIT_PUBLIC: limit(
    `Requests without a token from one address. ${own}, as are the next four.`,
    '6000/1m',
  ),
  RATE_LIMIT_BAD_TOKENS: limit(
    'Requests from one address that need a token and come without one or with one that does not ' +
      'count. Good tokens from there are not held up, and those that are only too old do not count.',
    '600/1m',
  ),
  RATE_LIMIT_READS: limit('Reads of one user or API key.', '12000/1m'),
  RATE_LIMIT_WRITES: limit('Changes by one user or API key that move no money.', '6000/1m'),
  RATE_LIMIT_MONEY: limit('Requests of one user or API key that move money.', 'off'),
}
