/**
 * The process of the bank: configuration, log, signals, start and stop.
 *
 * It ends with 0 after a stop that somebody asked for, 78 for a configuration that is wrong, 130
 * when it was told not to wait, and 1 for everything else that kept it from running. Whatever ends
 * it, requests in flight are answered first and an embedded PostgreSQL is stopped, unless a second
 * request to stop comes at least a second after the first.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createBank, type Bank, type OpenBank } from './app.ts'
import type { Config } from './config/config.ts'
import { readConfigSources } from './config/sources.ts'
import { firstAdminFileName } from './identity/bootstrap.ts'
import { parseArguments, usage } from './process/arguments.ts'
import { addAwsSecrets } from './process/aws-secrets.ts'
import { createBanner } from './process/banner.ts'
import { createConfigReader } from './process/config-reader.ts'
import { findOpenDoors } from './process/open-doors.ts'
import { watchParent } from './process/parent.ts'
import { reportFailure } from './process/start-error.ts'
import { createStopRequests, listenToSignals } from './process/stop-requests.ts'
import { createLogger, type Log } from './telemetry/logger.ts'
import { version } from './version.ts'

const forcedExitCode = 130

interface Running {
  config: Config
  format: 'pretty' | 'json'
  log: Log
  bank: Bank
  /** Settles when the bank is open or could not be. */
  opening: Promise<OpenBank>
}

async function main(): Promise<void> {
  const request = parseArguments(process.argv.slice(2))
  if (request.kind === 'help') return void process.stdout.write(usage)
  if (request.kind === 'version') return void process.stdout.write(`${version}\n`)
  const { secrets = [] } = await addAwsSecrets(readConfigSources())
  const settings = createConfigReader(request.settings, () => ({ ...readConfigSources(), secrets }))
  const config = settings.read()
  const format = chooseFormat(config.log.format)
  const log = createLogger({ level: config.log.level, format })
  for (const warning of findOpenDoors(config)) log.logger.warn(warning)

  const bank = createBank(config, log.logger, { rereadConfig: () => settings.reread() })
  const running: Running = { config, format, log, bank, opening: bank.start() }
  addStops(running)
  try {
    announce(await running.opening, running)
  } catch (error) {
    await log.flush()
    fail(error)
  }
}

/** Everything that can end an open bank. */
function addStops(running: Running): void {
  const { config, log, bank } = running
  const { logger } = log
  const requestStop = createStopRequests({
    onStop: (reason) => void stop(running, reason, 0),
    onForce(reason) {
      logger.warn({ reason }, 'asked again: ending without waiting')
      void exit(log, forcedExitCode)
    },
  })
  listenToSignals(requestStop, () => logger.warn('SIGUSR1 is ignored: there is no debugger here'))
  if (config.server.stopWithParent) watchParent(() => requestStop('the parent process is gone'))
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an error that nobody expected: this is a bug')
    void stop(running, 'a bug', 1)
  })
  void bank.failed.then((reason) => stop(running, reason, 1))
}

/** A stop during the start lets that finish first; one that fails ends the process by itself. */
async function stop({ log, bank, opening }: Running, reason: string, exitCode: number) {
  const { logger } = log
  logger[exitCode === 0 ? 'info' : 'fatal']({ reason }, 'stopping')
  try {
    await opening
    await bank.stop()
    logger.info('stopped: everything that was accepted is answered')
    await exit(log, exitCode)
  } catch (error) {
    logger.error({ err: error }, 'the stop was not clean')
    await exit(log, 1)
  }
}

async function exit(log: Log, exitCode: number): Promise<void> {
  await log.flush()
  process.exit(exitCode)
}

/** Before there is a log, and for those who start a bank by hand: a few words on standard error. */
function fail(error: unknown): void {
  const { text, exitCode } = reportFailure(error)
  process.stderr.write(`${text}\n`)
  process.exit(exitCode)
}

function chooseFormat(format: Config['log']['format']): 'pretty' | 'json' {
  if (format !== 'auto') return format
  return process.stdout.isTTY ? 'pretty' : 'json'
}

/**
 * Standard output stays pure JSON where it is JSON. The words for people go beside it where there
 * are people: a bank with an embedded PostgreSQL was started by hand.
 */
function announce(bank: OpenBank, { format, log }: Running): void {
  const { apiUrl, metricsUrl, dataDirectory } = bank
  log.logger.info(
    { api: apiUrl, docs: `${apiUrl}/docs`, metrics: metricsUrl, data_directory: dataDirectory },
    'open',
  )
  if (format === 'json' && dataDirectory === undefined) return
  const hasFirstAdminFile =
    dataDirectory !== undefined && existsSync(join(dataDirectory, firstAdminFileName))
  const currentDirectory = process.cwd()
  const banner = createBanner({ bank, version, hasFirstAdminFile, currentDirectory })
  const stream = format === 'pretty' ? process.stdout : process.stderr
  stream.write(banner)
}

// A reader of the output that goes away (`npm start | head`) must not end the bank.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

main().catch(fail)
