/** The jobs of a bank, as its configuration wants them: where mails go, and what is said about it. */
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { Identity } from '../identity/identity.ts'
import { createJobRunner, type JobRunner } from '../jobs/jobs.ts'
import { createMailTransport, type MailConfig } from '../mail/mail.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface BankJobsOptions {
  config: Config
  database: Database
  /** The server's login. */
  url: string
  dataDirectory: string | undefined
  /** Where the API listens. */
  apiUrl: string
  identity: Identity
  logger: Logger
  metrics: Metrics
}

export function createBankJobs(options: BankJobsOptions): JobRunner {
  const { config, database, url, dataDirectory, apiUrl, identity, logger, metrics } = options
  const mail = mailConfigOf(config, dataDirectory)
  sayWhereMailsGo(mail, logger)
  const transport = createMailTransport(mail, (file) => logger.info({ file }, 'wrote a mail'))
  const jobs = metrics.counter('tallystick_jobs_total')
  return createJobRunner({
    url,
    database,
    namedStatements: config.database.namedStatements,
    tasks: identity.createMailTasks({
      transport,
      publicUrl: config.mail.publicUrl ?? apiUrl,
      onUnsent: ({ userId, kind, reason }) =>
        logger.warn({ user_id: userId, mail: kind, reason }, 'a mail will not arrive'),
    }),
    onOutcome(task, outcome, error) {
      jobs.inc({ task, outcome })
      if (outcome === 'retried') logger.warn({ task, err: error }, 'a job failed: trying it again')
      if (outcome === 'given_up') logger.error({ task, err: error }, 'a job was given up')
    },
    onError: (error) => logger.warn({ err: error }, 'the job queue does not work; trying again'),
  })
}

function mailConfigOf(config: Config, dataDirectory: string | undefined): MailConfig {
  if (config.mail.smtp) return { kind: 'smtp', ...config.mail.smtp }
  if (dataDirectory === undefined) return { kind: 'none' }
  const directory = join(dataDirectory, 'mail')
  // A domain that is nobody's, ever (RFC 2606).
  return { kind: 'folder', directory, from: 'Tallystick <bank@bank.invalid>' }
}

function sayWhereMailsGo(mail: MailConfig, logger: Logger): void {
  if (mail.kind === 'folder') {
    const { directory } = mail
    logger.info({ directory }, 'mails are written into files: SMTP_URL makes the bank send them')
  }
  if (mail.kind === 'none') {
    logger.warn(
      'no mail is sent, so nobody can confirm an address or set a forgotten password: set SMTP_URL',
    )
  }
}
