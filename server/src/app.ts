/**
 * The composition root: it wires a bank from a configuration, opens it and closes it. Only this file
 * and the list of routes (routes.ts) know every module.
 *
 * Opening: addresses free? -> metrics address -> database (started or waited for) -> migrations ->
 * pool and compatibility -> ledger -> identity and first admin -> API address. What fails on the
 * way undoes all that was started.
 *
 * Closing, in the opposite order: readiness off and no new connections, requests and jobs in flight
 * finish, the ledger's queue is flushed, the pool closes, the embedded PostgreSQL stops. So everything
 * that was accepted is answered, and nothing below a request goes away before it.
 */
import type { Server } from 'node:http'
import type { Tracer } from '@opentelemetry/api'
import { recordRefusals } from './audit-events/refusals.ts'
import { createAuditEventStore } from './audit-events/store.ts'
import { createAuditWriter, type AuditWriter } from './audit-events/writer.ts'
import type { Config } from './config/config.ts'
import { assertCompatible } from './database/compatibility.ts'
import type { Database } from './database/database.ts'
import type { Readiness } from './http/health.ts'
import { createHttpServer } from './http/server.ts'
import type { BootstrapOutcome } from './identity/bootstrap.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import { createKeyRing, type KeyRing } from './identity/tokens/key-ring.ts'
import { systemClock } from './kernel/clock.ts'
import type { JobRunner } from './jobs/jobs.ts'
import type { LedgerEngine } from './ledger/ledger.ts'
import { createPostgresLedger } from './ledger/postgres/postgres-ledger.ts'
import { createSealer } from './ledger/postgres/sealer.ts'
import { createBankJobs } from './process/jobs.ts'
import { connectBank, migrateBank, openBankDatabase } from './process/database.ts'
import { bootstrapBank } from './process/first-admin.ts'
import { createBankHoldExpiry } from './process/hold-expiry.ts'
import { assertListenable, formatAddress, listen } from './process/listen.ts'
import { createBankAudit } from './process/scheduled-audit.ts'
import { watchSecrets } from './process/secrets.ts'
import { readTls } from './process/tls.ts'
import { readTokenKeys, watchTokenKeys } from './process/token-keys.ts'
import { createUndo, type Undo } from './process/undo.ts'
import { createAuditTrailTelemetry } from './telemetry/audit-trail.ts'
import { countOutcomes, createLedgerTelemetry } from './telemetry/ledger.ts'
import type { Logger } from './telemetry/logger.ts'
import { createMetricsServer } from './telemetry/metrics-server.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { createRequestTelemetry } from './telemetry/requests.ts'
import { createTracer } from './telemetry/tracing.ts'
import { createRateLimits } from './rate-limits/rate-limits.ts'
import { createRoutes } from './routes.ts'
import { version } from './version.ts'

/** Where an open bank is found, and what its first start made. */
export interface OpenBank {
  apiUrl: string
  metricsUrl: string
  /** The data folder of an embedded PostgreSQL. */
  dataDirectory: string | undefined
  firstAdmin: BootstrapOutcome
}

export interface Bank {
  /** Resolves when requests are answered. Once; a bank that failed to start is closed. */
  start(): Promise<OpenBank>
  /** Drains and closes; after `start` has settled. May be called more than once. */
  stop(): Promise<void>
  /** Fulfilled with the reason when an open bank cannot go on. */
  readonly failed: Promise<string>
}

export interface BankOptions {
  /** The present configuration where it is another than at the last call: for what changes in use. */
  rereadConfig?: (() => Config | undefined) | undefined
}

export function createBank(
  config: Config,
  logger: Logger,
  { rereadConfig }: BankOptions = {},
): Bank {
  const undo = createUndo()
  const failure = Promise.withResolvers<string>()
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= undo.run())
  const onFailure = (reason: string): void => {
    if (closing === undefined) failure.resolve(reason)
  }
  return {
    failed: failure.promise,
    async start() {
      try {
        return await openBank({ config, rereadConfig, logger, undo, onFailure })
      } catch (error) {
        await close()
        throw error
      }
    },
    stop: close,
  }
}

interface Opening extends BankOptions {
  config: Config
  logger: Logger
  undo: Undo
  onFailure: (reason: string) => void
}

async function openBank(opening: Opening): Promise<OpenBank> {
  const { config, rereadConfig, logger, undo, onFailure } = opening
  const { address } = config.server
  const log = (line: string) => logger.info(line)
  const tls = await readTls(config.server.tls)
  await assertListenable(address, 'SERVER_ADDRESS')

  const tracer = createTracer(version)
  const metrics = createMetrics({ version })
  undo.add(() => metrics.stop())
  const metricsServer = createMetricsServer(metrics)
  const metricsAddress = await listen(metricsServer, config.metrics.address, 'METRICS_ADDRESS')
  undo.add(() => closeNow(metricsServer))

  const source = await openBankDatabase({ database: config.database, log, attach: false })
  undo.add(() => source.close())
  void source.exited?.then(onFailure)
  if (config.database.migrateOnStart) await migrateBank(source, log)
  const { database, role } = await connectBank(source.url, config.database, (line) =>
    logger.warn(line),
  )
  undo.add(() => database.close())
  await assertCompatible(database, version)
  metrics.watchPool(database.pool)

  const ledger = createLedger({ config, url: source.url, role, metrics, tracer })
  undo.add(() => ledger.stop())

  const sealer = createSealer({
    database,
    onError: (error) => logger.warn({ err: error }, 'batches could not be sealed; trying again'),
  })
  sealer.start()
  undo.add(() => sealer.stop())

  const audit = createBankAudit({ config, database, logger, metrics })
  audit?.start()
  undo.add(() => audit?.stop())

  const holdExpiry = createBankHoldExpiry({ config, database, ledger, logger, metrics })
  holdExpiry.start()
  undo.add(() => holdExpiry.stop())

  const auditWriter = createAuditWriter({
    write: createAuditEventStore(database).insert,
    telemetry: createAuditTrailTelemetry(metrics),
    onError: (error) =>
      logger.warn({ err: error }, 'the audit trail could not be written; trying again'),
  })
  auditWriter.start()
  undo.add(() => auditWriter.stop())

  const { dataDirectory } = source
  const ring = createKeyRing(await readTokenKeys(config.tokens, dataDirectory, log))
  const identity = createBankIdentity({ config, database, ring, auditWriter })
  if (rereadConfig) {
    const watch = watchTokenKeys({ ring, rereadConfig, dataDirectory, logger })
    undo.add(() => watch.stop())
  }
  undo.add(await watchSecrets(identity, logger))
  const firstAdmin = await bootstrapBank(identity, config, dataDirectory, log)

  const cleanedUp = metrics.counter('tallystick_cleaned_up_total')
  const cleanup = identity.createCleanup({
    onRemoved: (what, rows) => cleanedUp.inc({ what }, rows),
    onError: (error) =>
      logger.warn({ err: error }, 'old sessions could not be cleaned up; trying again'),
  })
  cleanup.start()
  undo.add(() => cleanup.stop())

  const rateLimits = createRateLimits({
    database,
    policies: config.rateLimits,
    onError: (error) =>
      logger.warn({ err: error }, 'old rate limits could not be swept up; trying again'),
  })
  rateLimits.start()
  undo.add(() => rateLimits.stop())

  const defects = metrics.counter('tallystick_defects_total')
  const http = await createHttpServer({
    routes: createRoutes(config, database, ledger, identity),
    authenticate: identity.authenticate,
    rateLimits,
    readiness: () => readiness(database),
    onError(error, requestId) {
      defects.inc()
      logger.error({ err: error, request_id: requestId }, 'a request failed: this is a bug')
    },
    ...recordRefusals(auditWriter, createRequestTelemetry({ logger, metrics, tracer })),
    allowedOrigins: config.server.allowedOrigins,
    trustedProxies: config.server.trustedProxies,
    ...(tls && { tls }),
  })
  let jobs: JobRunner | undefined
  undo.add(async () => {
    // At once, so that a mail under way does not put off the drain.
    await Promise.all([http.close(config.server.shutdownTimeoutMilliseconds), jobs?.stop()])
  })
  const apiAddress = await listen(http.app.server, address, 'SERVER_ADDRESS')

  const apiUrl = `${tls ? 'https' : 'http'}://${formatAddress(apiAddress)}`
  jobs = createBankJobs({
    config,
    database,
    url: source.url,
    dataDirectory,
    apiUrl,
    identity,
    logger,
    metrics,
  })
  jobs.start()

  return {
    apiUrl,
    metricsUrl: `http://${formatAddress(metricsAddress)}/metrics`,
    dataDirectory,
    firstAdmin,
  }
}

function createLedger(options: {
  config: Config
  url: string
  role: string | undefined
  metrics: Metrics
  tracer: Tracer
}): LedgerEngine {
  const { config, url, role, metrics, tracer } = options
  const ledger = createPostgresLedger({
    ...config.ledger,
    url,
    namedStatements: config.database.namedStatements,
    transferAmountMax: config.bank.transferAmountMax,
    timeZone: config.bank.timeZone,
    telemetry: createLedgerTelemetry(metrics, tracer),
    ...(role !== undefined && { role }),
  })
  return countOutcomes(ledger, metrics)
}

function createBankIdentity({
  config,
  ring,
  ...parts
}: {
  config: Config
  database: Database
  ring: KeyRing
  auditWriter: AuditWriter
}): Identity {
  return createIdentity({
    ...parts,
    tokens: { ...config.tokens, ring },
    passwordCost: config.passwords.bcryptCost,
    clock: systemClock,
  })
}

/** The database answers and its schema is one that this program may use. */
async function readiness(database: Database): Promise<Readiness> {
  try {
    await assertCompatible(database, version)
    return { ok: true, checks: { database: 'ok' } }
  } catch {
    return { ok: false, checks: { database: 'does not answer, or its schema does not fit' } }
  }
}

function closeNow(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
