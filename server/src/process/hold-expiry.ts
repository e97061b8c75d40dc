/** The expiry of holds, as the configuration of a bank wants it: what it finds as metrics. */
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'
import { createHoldExpiry, type HoldExpiry } from '../ledger/postgres/hold-expiry.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface BankHoldExpiryOptions {
  config: Config
  database: Database
  ledger: LedgerEngine
  logger: Logger
  metrics: Metrics
}

export function createBankHoldExpiry(options: BankHoldExpiryOptions): HoldExpiry {
  const { config, database, ledger, logger, metrics } = options
  const expired = metrics.counter('tallystick_holds_expired_total')
  const overdue = metrics.gauge('tallystick_holds_overdue_seconds')
  return createHoldExpiry({
    database,
    ledger,
    intervalMilliseconds: config.ledger.holdExpiryIntervalMilliseconds,
    onLook: (seconds) => overdue.set(seconds),
    onExpired: (holdCount) => expired.inc(holdCount),
    onError: (error) => logger.warn({ err: error }, 'holds could not be expired; trying again'),
  })
}
