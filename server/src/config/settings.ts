/**
 * The table of settings: the one place where a setting is named, explained, given a default and
 * parsed. The loader, the error messages, `app.env.example` and docs/reference/configuration.md all
 * read it. A setting without a `fallback` may be absent; an empty text counts as absent.
 */
import { parseTokenKey, sampleTokenKey, type AcceptedKey } from '../identity/tokens/token-key.ts'
import { parseTimestamp } from '../kernel/timestamp.ts'
import {
  parseAddress,
  parseAmount,
  parseBoolean,
  parseCurrency,
  parseDatabaseUrl,
  parseDuration,
  parseInteger,
  parseList,
  parseMailFrom,
  parseNetwork,
  parseOneOf,
  parseOrigin,
  parseSmtpUrl,
  parseText,
  parseTimeZone,
  parseWebUrl,
  type Parsed,
} from './parsers.ts'
import { parseSecretNames } from './secret.ts'
import { rateLimitSettings } from './rate-limit-settings.ts'
import { setting, type Setting, type WithFallback } from './setting.ts'

export type { Setting } from './setting.ts'

export const settings = {
  SERVER_ADDRESS: setting({
    group: 'Server',
    description: 'Where the API listens, as host:port. `0.0.0.0` and `[::]` are all interfaces.',
    example: '0.0.0.0:8080',
    fallback: '127.0.0.1:8080',
    parse: parseAddress,
  }),
  METRICS_ADDRESS: setting({
    group: 'Server',
    description: 'Where `/metrics` listens. It has no authentication: keep it inside.',
    example: '127.0.0.1:9091',
    fallback: '127.0.0.1:9090',
    parse: parseAddress,
  }),
  ALLOWED_ORIGINS: setting({
    group: 'Server',
    description: 'Web origins whose pages may call the API (CORS). None when absent.',
    example: 'https://bank.example.com,http://localhost:5173',
    parse: parseList(parseOrigin, 'origin'),
  }),
  TLS_CERT_FILE: setting({
    group: 'Server',
    description:
      'PEM file with the certificate and its chain. With TLS_KEY_FILE the API speaks TLS.',
    example: '/etc/tallystick/tls.crt',
    parse: parseText,
  }),
  TLS_KEY_FILE: setting({
    group: 'Server',
    description: 'PEM file with the private key of TLS_CERT_FILE.',
    example: '/etc/tallystick/tls.key',
    parse: parseText,
  }),
  TRUSTED_PROXIES: setting({
    group: 'Server',
    description:
      'Addresses and networks of the proxies in front, whose X-Forwarded headers are believed. ' +
      'None when absent.',
    example: '10.0.0.0/8,fd00::/8',
    parse: parseList(parseNetwork, 'network'),
  }),
  SHUTDOWN_TIMEOUT: setting({
    group: 'Server',
    description: 'How long a stop waits for requests in flight before it cuts them.',
    example: '25s',
    fallback: '25s',
    parse: parseDuration(1000, '1h'),
  }),
  STOP_WITH_PARENT: setting({
    group: 'Server',
    description:
      'Whether the bank stops when the process that started it is gone, as npm is after a SIGTERM. ' +
      '`false` for a bank that a script leaves running on its own.',
    example: 'false',
    fallback: 'true',
    parse: parseBoolean,
  }),
  DATABASE_URL: setting({
    group: 'Database',
    description:
      'The PostgreSQL (15 to 18) of the bank, as the least-privilege login of the server. When ' +
      'absent, the bank starts a PostgreSQL of its own in DATA_DIR.',
    example: 'postgresql://tallystick:password@db.internal:5432/tallystick?sslmode=verify-full',
    secret: true,
    parse: parseDatabaseUrl,
  }),
  MIGRATION_DATABASE_URL: setting({
    group: 'Database',
    description: 'The same database as the login that owns the schema. DATABASE_URL when absent.',
    example: 'postgresql://tallystick_owner:password@db.internal:5432/tallystick',
    secret: true,
    parse: parseDatabaseUrl,
  }),
  MIGRATE_ON_START: setting({
    group: 'Database',
    description: 'Whether a start brings the schema up to date; `tallystick migrate` does it too.',
    example: 'false',
    fallback: 'true',
    parse: parseBoolean,
  }),
  WAIT_DB: setting({
    group: 'Database',
    description:
      'How long a start waits for a database that is coming up. `--wait-db` wins over it.',
    example: '60s',
    fallback: '0',
    parse: parseDuration(0, '1h'),
  }),
  DATA_DIR: setting({
    group: 'Database',
    description:
      'The folder of the embedded PostgreSQL and of what belongs to it. A relative path starts at ' +
      'the project.',
    example: '/var/lib/tallystick',
    fallback: './data',
    parse: parseText,
  }),
  DATABASE_POOL_SIZE: setting({
    group: 'Database',
    description:
      'Connections for reads and users. The ledger has its own: one per batch in flight ' +
      '(LEDGER_BATCHES_IN_FLIGHT) and 4 to open accounts; jobs have up to 4 more.',
    example: '20',
    fallback: '10',
    parse: parseInteger(1, 1000),
  }),
  DATABASE_NAMED_STATEMENTS: setting({
    group: 'Database',
    description: 'Named prepared statements. `false` behind a pooler that does not know them.',
    example: 'false',
    fallback: 'true',
    parse: parseBoolean,
  }),
  AWS_SECRETS: setting({
    group: 'Secrets',
    description:
      'Secrets of AWS Secrets Manager, by name or ARN, that are read at the start: settings as ' +
      "KEY: value pairs, or RDS's own form, which makes DATABASE_URL, or the URL that is named " +
      'before it. Environment and `app.env` win over them.',
    example: 'tallystick/server,MIGRATION_DATABASE_URL=tallystick/owner',
    parse: parseSecretNames,
  }),
  AWS_SECRETS_ENDPOINT: setting({
    group: 'Secrets',
    description: 'Where AWS Secrets Manager is; that of the region when absent.',
    example: 'https://vpce-0123.secretsmanager.ap-northeast-2.vpce.amazonaws.com',
    parse: parseWebUrl,
  }),
  TOKEN_KIND: setting({
    group: 'Tokens and passwords',
    description: 'The kind of access tokens: PASETO v4.local, PASETO v2.local or JWT with HS256.',
    example: 'paseto_v4',
    fallback: 'paseto_v4',
    parse: parseOneOf('paseto_v4', 'paseto_v2', 'jwt'),
  }),
  TOKEN_SYMMETRIC_KEY: setting({
    group: 'Tokens and passwords',
    description:
      '32 random bytes as 64 hex digits or base64 (`npx tallystick token-key generate`). Required ' +
      'with DATABASE_URL; the embedded bank makes its own and keeps it in DATA_DIR.',
    example: sampleTokenKey,
    secret: true,
    parse: parseKey,
  }),
  TOKEN_ACCEPTED_KEYS: setting({
    group: 'Tokens and passwords',
    description:
      'Further keys of which tokens count, each until its end: key@end, with commas between. A change ' +
      'of this and of TOKEN_SYMMETRIC_KEY in app.env is in force within seconds, without a restart.',
    example: `${sampleTokenKey}@2026-12-01T00:00:00Z`,
    secret: true,
    parse: parseList(parseAcceptedKey, 'key'),
  }),
  ACCESS_TOKEN_DURATION: setting({
    group: 'Tokens and passwords',
    description: 'How long an access token is valid.',
    example: '15m',
    fallback: '15m',
    parse: parseDuration(1000, '30d'),
  }),
  REFRESH_TOKEN_DURATION: setting({
    group: 'Tokens and passwords',
    description: 'How long a refresh token is valid; each use gives a new one.',
    example: '12h',
    fallback: '24h',
    parse: parseDuration(1000, '90d'),
  }),
  TOKEN_ISSUER: setting({
    group: 'Tokens and passwords',
    description: 'The `iss` that tokens carry and must carry.',
    example: 'https://api.bank.example.com',
    fallback: 'tallystick',
    parse: parseText,
  }),
  TOKEN_AUDIENCE: setting({
    group: 'Tokens and passwords',
    description: 'The `aud` that tokens carry and must carry.',
    example: 'https://api.bank.example.com',
    fallback: 'tallystick',
    parse: parseText,
  }),
  BCRYPT_COST: setting({
    group: 'Tokens and passwords',
    description:
      'The cost of password hashes; each step doubles it. 12 is about 0.2 s. Raised, it is in force for ' +
      'a user from the next login on, and every login takes the new time at once. Lowered, it is in ' +
      'force for new passwords, and logins take as long as the dearest hash that a server has met.',
    example: '13',
    fallback: '12',
    parse: parseInteger(4, 16),
  }),
  BOOTSTRAP_ADMIN_USERNAME: setting({
    group: 'Tokens and passwords',
    description: 'The first admin, made at a start when there is no admin yet.',
    example: 'root_admin',
    parse: parseText,
  }),
  BOOTSTRAP_ADMIN_PASSWORD: setting({
    group: 'Tokens and passwords',
    description: 'The password of the first admin, 8 to 72 bytes.',
    example: 'a long and secret sentence',
    secret: true,
    parse: parseText,
  }),
  SMTP_URL: setting({
    group: 'Mail',
    description:
      'The mail server: `smtp://` (with STARTTLS where it is offered, and always where there is a ' +
      'password) or `smtps://`. Without it, mails of the embedded bank are files in ' +
      '`DATA_DIR/mail`, and with DATABASE_URL none are sent.',
    example: 'smtp://tallystick:password@smtp.example.com:587',
    secret: true,
    parse: parseSmtpUrl,
  }),
  MAIL_FROM: setting({
    group: 'Mail',
    description: 'Whom mails are from, as an address or a name with one. Required with SMTP_URL.',
    example: 'Example Bank <no-reply@bank.example.com>',
    parse: parseMailFrom,
  }),
  PUBLIC_URL: setting({
    group: 'Mail',
    description:
      'Where customers reach the bank; links in mails begin with it. The address that the API ' +
      'listens on when absent.',
    example: 'https://api.bank.example.com',
    parse: parseWebUrl,
  }),

  SUPPORTED_CURRENCIES: setting({
    group: 'Bank',
    description: 'The currencies of new accounts, as ISO 4217 codes.',
    example: 'USD,EUR,KRW',
    fallback: 'USD,EUR,GBP,JPY,KRW,CHF,CAD,AUD,SEK,NOK,DKK,PLN,CZK,INR,BRL,MXN,SGD,KWD',
    parse: parseList(parseCurrency, 'currency'),
  }),
  BANK_TIME_ZONE: setting({
    group: 'Bank',
    description:
      'The IANA time zone of the bank: its days begin there, and commands show times in it.',
    example: 'Europe/Berlin',
    fallback: 'UTC',
    parse: parseTimeZone,
  }),
  ACCOUNTS_PER_USER_MAX: setting({
    group: 'Bank',
    description: 'How many accounts that are not closed one user may have.',
    example: '20',
    fallback: '100',
    parse: parseInteger(1, 100_000),
  }),
  MAX_TRANSFER_AMOUNT: setting({
    group: 'Bank',
    description: 'The largest amount of one transfer, in minor units of its currency.',
    example: '100000000',
    fallback: '100000000000',
    parse: parseAmount,
  }),
  LEDGER_BATCH_SIZE_MAX: setting({
    group: 'Ledger',
    description: 'Instructions that are committed together, at most.',
    example: '256',
    fallback: '256',
    parse: parseInteger(1, 4096),
  }),
  LEDGER_BATCHES_IN_FLIGHT: setting({
    group: 'Ledger',
    description: 'Batches under way at once, each on a connection of its own.',
    example: '3',
    fallback: '2',
    parse: parseInteger(1, 64),
  }),
  LEDGER_QUEUE_SIZE_MAX: setting({
    group: 'Ledger',
    description: 'Instructions that may wait; further ones are answered with 503 at once.',
    example: '20000',
    fallback: '10000',
    parse: parseInteger(1, 1_000_000),
  }),
  LEDGER_DEADLINE: setting({
    group: 'Ledger',
    description: 'How long an instruction may take before it is answered with 503.',
    example: '5s',
    fallback: '10s',
    parse: parseDuration(100, '5m'),
  }),
  AUDIT_INTERVAL: setting({
    group: 'Ledger',
    description:
      'How often what was posted since the last time is audited; `0` switches that off. One server ' +
      'at a time does it. `tallystick audit` audits everything.',
    example: '5m',
    fallback: '1m',
    parse: parseDuration(0, '1d'),
  }),
  HOLD_EXPIRY_INTERVAL: setting({
    group: 'Ledger',
    description:
      'How often holds are expired that are past their end. Money is free again at the end itself ' +
      'for who spends it; until the next look the balance still shows it as held.',
    example: '1m',
    fallback: '10s',
    parse: parseDuration(100, '1h'),
  }),
  ...rateLimitSettings,
  LOG_LEVEL: setting({
    group: 'Logs',
    description: 'The least level that is written: fatal, error, warn, info, debug or trace.',
    example: 'debug',
    fallback: 'info',
    parse: parseOneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'),
  }),
  LOG_FORMAT: setting({
    group: 'Logs',
    description: '`json`, `pretty`, or `auto`: pretty in a terminal and JSON otherwise.',
    example: 'json',
    fallback: 'auto',
    parse: parseOneOf('auto', 'pretty', 'json'),
  }),
}

export type SettingKey = keyof typeof settings

type ValueOf<S> = S extends Setting<infer T> ? (S extends WithFallback ? T : T | undefined) : never

/** One value per setting, parsed; those without a default may be absent. */
export type SettingValues = { [K in SettingKey]: ValueOf<(typeof settings)[K]> }

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settings, key)
}

function parseKey(text: string): Parsed<Uint8Array> {
  const parsed = parseTokenKey(text)
  return parsed.ok ? { value: parsed.key } : { problem: parsed.reason }
}

function parseAcceptedKey(text: string): Parsed<AcceptedKey> {
  const separator = text.indexOf('@')
  const until = parseTimestamp(text.slice(separator + 1))
  if (separator < 0 || until === undefined) {
    return { problem: 'is not key@end, with an end such as 2026-12-01T00:00:00Z' }
  }
  const parsed = parseKey(text.slice(0, separator))
  return 'value' in parsed ? { value: { key: parsed.value, until } } : parsed
}

/** The keys in the order of the table. */
export const settingKeys: readonly SettingKey[] = Object.keys(settings).filter(isSettingKey)
