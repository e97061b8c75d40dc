/** The scheduled audit of a bank, as its configuration wants it: its verdict as metrics and log lines. */
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { createScheduledAudit, type ScheduledAudit } from '../ledger/ledger.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface BankAuditOptions {
  config: Config
  database: Database
  logger: Logger
  metrics: Metrics
}

/** Nothing where AUDIT_INTERVAL is 0. */
export function createBankAudit(options: BankAuditOptions): ScheduledAudit | undefined {
  const { config, database, logger, metrics } = options
  const { auditIntervalMilliseconds: intervalMilliseconds } = config.ledger
  if (intervalMilliseconds === 0) {
    logger.warn('the books are not audited as they grow: AUDIT_INTERVAL is 0')
    return undefined
  }
  const findings = metrics.gauge('tallystick_audit_findings')
  const behind = metrics.gauge('tallystick_audit_batches_behind')
  const lastRun = metrics.gauge('tallystick_audit_last_run_timestamp_seconds')
  return createScheduledAudit({
    database,
    intervalMilliseconds,
    onFindings(found) {
      for (const { check, guarantee, count, rows } of found) {
        logger.error({ check, guarantee, count, rows }, 'THE BOOKS ARE WRONG')
      }
    },
    onState(state) {
      findings.set(state.findingCount)
      behind.set(state.batchesBehind)
      if (state.completedAt) lastRun.set(state.completedAt.getTime() / 1000)
    },
    onError: (error) => logger.warn({ err: error }, 'the audit could not look; trying again'),
  })
}
