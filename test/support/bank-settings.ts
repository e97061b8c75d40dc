/** Settings of banks that tests start as processes: quick passwords, a quiet log, a known admin. */
import { randomBytes } from 'node:crypto'
import { admin } from '../../bench/seed.ts'

const common = {
  BCRYPT_COST: '4',
  LOG_LEVEL: 'warn',
  // Tests fire thousands of requests from one address.
  RATE_LIMITS: 'false',
  BOOTSTRAP_ADMIN_USERNAME: admin.username,
  BOOTSTRAP_ADMIN_PASSWORD: admin.password,
}

/** For a bank with a PostgreSQL of its own in that folder; the command line needs the same. */
export function embeddedBankSettings(dataDirectory: string): Record<string, string> {
  return { ...common, DATA_DIR: dataDirectory }
}

/** For several servers on one database: they share the token key. */
export function sharedBankSettings(database: {
  url: string
  ownerUrl: string
}): Record<string, string> {
  return {
    ...common,
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    TOKEN_SYMMETRIC_KEY: randomBytes(32).toString('hex'),
  }
}
