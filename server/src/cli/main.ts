#!/usr/bin/env node
/**
 * The `tallystick` command: what an operator does beside the running server. It works on the database
 * of the configuration; an embedded one is that of the running bank, or is started for the command.
 *
 * Standard output is the answer, standard error is progress and complaints. Exit codes: 0 done, 1
 * refused or findings, 2 wrong usage or an audit that could not look, 78 a wrong configuration, 141
 * an export whose reader went away.
 */
import { Command, CommanderError } from 'commander'
import { loadConfig } from '../config/config.ts'
import { readConfigSources } from '../config/sources.ts'
import { generateTokenKey } from '../identity/tokens/token-key.ts'
import { addAwsSecrets } from '../process/aws-secrets.ts'
import { migrateBank } from '../process/database.ts'
import { reportFailure } from '../process/start-error.ts'
import { version } from '../version.ts'
import { createAuditCommand, createTrialBalanceCommand } from './audit.ts'
import { CommandError } from './command-error.ts'
import { createExportCommand } from './export.ts'
import { createUsersCommand } from './users.ts'
import { note, readConfig, withBankDatabase } from './with-bank.ts'

const usageExitCode = 2

function createProgram(): Command {
  const program = new Command('tallystick')
    .description('Operates a Tallystick bank: see also `npm start` and app.env.example.')
    .version(version)
    .addCommand(createMigrateCommand())
    .addCommand(createAuditCommand())
    .addCommand(createTrialBalanceCommand())
    .addCommand(createExportCommand())
    .addCommand(createUsersCommand())
    .addCommand(createTokenKeyCommand())
    .addCommand(createConfigCommand())
    .showHelpAfterError('(--help says more)')
  return program
}

function createMigrateCommand(): Command {
  return new Command('migrate')
    .description('bring the schema up to date, as MIGRATION_DATABASE_URL')
    .action(async () => {
      const { applied } = await withBankDatabase(await readConfig(), 'owner', (bank) =>
        migrateBank(bank, note),
      )
      const count = applied.length
      process.stdout.write(
        count === 0 ? 'The schema is up to date.\n' : `Applied ${count}: ${applied.join(', ')}.\n`,
      )
    })
}

function createTokenKeyCommand(): Command {
  const tokenKey = new Command('token-key').description('keys for TOKEN_SYMMETRIC_KEY')
  tokenKey
    .command('generate')
    .description('print a new random key')
    .action(() => void process.stdout.write(`${generateTokenKey()}\n`))
  return tokenKey
}

function createConfigCommand(): Command {
  const config = new Command('config').description('the settings of app.env and the environment')
  config
    .command('check')
    .description('report every problem that would keep the server from starting')
    .action(async () => {
      loadConfig(await addAwsSecrets(readConfigSources()), { purpose: 'server' })
      process.stdout.write('The configuration is fine.\n')
    })
  return config
}

/** Commander exits by itself for help and wrong usage; here it throws, so that there is one exit. */
function throwOnExit(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwOnExit(child)
}

async function main(): Promise<void> {
  const program = createProgram()
  throwOnExit(program)
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = complain(error)
  }
}

function complain(error: unknown): number {
  // Commander has printed what it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode
  if (error instanceof CommandError) {
    note(error.message)
    return error.exitCode
  }
  const { text, exitCode } = reportFailure(error)
  note(text)
  return exitCode
}

await main()
