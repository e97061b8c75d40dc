/**
 * The configuration of a bank: one typed, validated, frozen tree, made in three steps: sources
 * (environment and app.env), values (one per setting, all problems at once), tree (this file).
 *
 * Nothing reads the environment after `loadConfig`, and nothing changes the tree.
 */
import { resolve } from 'node:path'
import type { AcceptedKey } from '../identity/tokens/token-key.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Minor } from '../kernel/money.ts'
import type { RateLimitPolicies } from '../rate-limits/rate-limits.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { Address } from './parsers.ts'
import type { ConfigProblem } from './problems.ts'
import type { SettingKey, SettingValues } from './settings.ts'
import { createRateLimitTree } from './rate-limit-tree.ts'
import { projectDirectory, type ConfigSources } from './sources.ts'
import { parseSettings } from './values.ts'

export type { Address } from './parsers.ts'

export interface Config {
  server: {
    address: Address
    tls: { certFile: string; keyFile: string } | undefined
    allowedOrigins: readonly string[]
    trustedProxies: readonly string[]
    shutdownTimeoutMilliseconds: number
    stopWithParent: boolean
  }
  metrics: { address: Address }
  database: DatabaseConfig
  tokens: {
    kind: SettingValues['TOKEN_KIND']
    /** Absent with the embedded database means: the key in the data folder. */
    key: Uint8Array | undefined
    acceptedKeys: readonly AcceptedKey[]
    accessTokenDurationSeconds: number
    refreshTokenDurationSeconds: number
    issuer: string
    audience: string
  }
  passwords: { bcryptCost: number }
  mail: {
    smtp: { url: string; from: string } | undefined
    /** Without a slash at the end. Absent means: where the API listens. */
    publicUrl: string | undefined
  }
  bootstrapAdmin: { username: string; password: string } | undefined
  bank: {
    currencies: readonly CurrencyCode[]
    timeZone: string
    accountsPerUserMax: number
    transferAmountMax: Minor
  }
  ledger: {
    batchSizeMax: number
    batchesInFlight: number
    queueSizeMax: number
    deadlineMilliseconds: number
    /** 0 is never. */
    auditIntervalMilliseconds: number
    holdExpiryIntervalMilliseconds: number
  }
  rateLimits: RateLimitPolicies
  log: { level: SettingValues['LOG_LEVEL']; format: SettingValues['LOG_FORMAT'] }
}

export type DatabaseConfig = {
  poolSize: number
  namedStatements: boolean
  migrateOnStart: boolean
  waitMilliseconds: number
} & (
  | { kind: 'external'; url: string; migrationUrl: string }
  | { kind: 'embedded'; dataDirectory: string }
)

export interface LoadConfigOptions {
  /** A `server` needs a token key; a `command` does not, so that a migration job is given none. */
  purpose: 'server' | 'command'
}

/** Throws a `ConfigError` that names every problem. */
export function loadConfig(sources: ConfigSources, { purpose }: LoadConfigOptions): Config {
  const values = parseSettings(sources, (isGiven) => findConflicts(isGiven, purpose))
  return deepFreeze(createTree(values))
}

function createTree(values: SettingValues): Config {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = values
  const { SMTP_URL: smtpUrl, MAIL_FROM: from } = values
  const { BOOTSTRAP_ADMIN_USERNAME: username, BOOTSTRAP_ADMIN_PASSWORD: password } = values
  return {
    server: {
      address: values.SERVER_ADDRESS,
      tls:
        certFile && keyFile
          ? { certFile: fromProject(certFile), keyFile: fromProject(keyFile) }
          : undefined,
      allowedOrigins: values.ALLOWED_ORIGINS ?? [],
      trustedProxies: values.TRUSTED_PROXIES ?? [],
      shutdownTimeoutMilliseconds: values.SHUTDOWN_TIMEOUT,
      stopWithParent: values.STOP_WITH_PARENT,
    },
    metrics: { address: values.METRICS_ADDRESS },
    database: createDatabaseTree(values),
    tokens: {
      kind: values.TOKEN_KIND,
      key: values.TOKEN_SYMMETRIC_KEY,
      acceptedKeys: values.TOKEN_ACCEPTED_KEYS ?? [],
      accessTokenDurationSeconds: Math.floor(values.ACCESS_TOKEN_DURATION / 1000),
      refreshTokenDurationSeconds: Math.floor(values.REFRESH_TOKEN_DURATION / 1000),
      issuer: values.TOKEN_ISSUER,
      audience: values.TOKEN_AUDIENCE,
    },
    passwords: { bcryptCost: values.BCRYPT_COST },
    mail: {
      smtp: smtpUrl && from ? { url: smtpUrl, from } : undefined,
      publicUrl: values.PUBLIC_URL,
    },
    bootstrapAdmin: username && password ? { username, password } : undefined,
    bank: {
      currencies: values.SUPPORTED_CURRENCIES,
      timeZone: values.BANK_TIME_ZONE,
      accountsPerUserMax: values.ACCOUNTS_PER_USER_MAX,
      transferAmountMax: values.MAX_TRANSFER_AMOUNT,
    },
    ledger: {
      batchSizeMax: values.LEDGER_BATCH_SIZE_MAX,
      batchesInFlight: values.LEDGER_BATCHES_IN_FLIGHT,
      queueSizeMax: values.LEDGER_QUEUE_SIZE_MAX,
      deadlineMilliseconds: values.LEDGER_DEADLINE,
      auditIntervalMilliseconds: values.AUDIT_INTERVAL,
      holdExpiryIntervalMilliseconds: values.HOLD_EXPIRY_INTERVAL,
    },
    rateLimits: createRateLimitTree(values),
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
  }
}

function createDatabaseTree(values: SettingValues): DatabaseConfig {
  const common = {
    poolSize: values.DATABASE_POOL_SIZE,
    namedStatements: values.DATABASE_NAMED_STATEMENTS,
    migrateOnStart: values.MIGRATE_ON_START,
    waitMilliseconds: values.WAIT_DB,
  }
  const url = values.DATABASE_URL
  if (url === undefined) {
    return { ...common, kind: 'embedded', dataDirectory: fromProject(values.DATA_DIR) }
  }
  return { ...common, kind: 'external', url, migrationUrl: values.MIGRATION_DATABASE_URL ?? url }
}

function fromProject(path: string): string {
  return resolve(projectDirectory, path)
}

const settingPairs = [
  ['TLS_CERT_FILE', 'TLS_KEY_FILE'],
  ['BOOTSTRAP_ADMIN_USERNAME', 'BOOTSTRAP_ADMIN_PASSWORD'],
  ['SMTP_URL', 'MAIL_FROM'],
] as const

function findConflicts(
  isGiven: (key: SettingKey) => boolean,
  purpose: LoadConfigOptions['purpose'],
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const require = (key: SettingKey, reason: string) => {
    if (!isGiven(key)) problems.push({ subject: key, text: `must be set ${reason}`, key })
  }
  for (const [first, second] of settingPairs) {
    if (isGiven(first)) require(second, `because ${first} is`)
    if (isGiven(second)) require(first, `because ${second} is`)
  }
  if (isGiven('MIGRATION_DATABASE_URL')) {
    require('DATABASE_URL', 'because MIGRATION_DATABASE_URL is')
  }
  if (isGiven('DATABASE_URL') && purpose === 'server') {
    const hint = '`npx tallystick token-key generate` makes one'
    require('TOKEN_SYMMETRIC_KEY', `because DATABASE_URL is; ${hint}`)
  }
  return problems
}
