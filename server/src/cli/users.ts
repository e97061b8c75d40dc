/** `tallystick users`: what only an operator does to users. */
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import {
  createUserAdministration,
  type AdministrationOutcome,
  type UserAdministration,
} from '../identity/administration.ts'
import { createPasswords } from '../identity/passwords/passwords.ts'
import { CommandError } from './command-error.ts'
import { readPassword } from './password.ts'
import { readConfig, withDatabase } from './with-bank.ts'

const passwordHelp = `
The password is read from standard input, or typed without being shown:
  printf '%s' "$PASSWORD" | npx tallystick users ...`

interface CreateOptions {
  fullName: string
  email: string
  role: string[]
}

export function createUsersCommand(): Command {
  const users = new Command('users').description(
    'make users, give and take roles, disable users, set passwords, remove second factors',
  )
  users
    .command('create <username>')
    .description('make a user')
    .requiredOption('--full-name <name>', 'the name of the person')
    .requiredOption('--email <address>', 'the e-mail address')
    .option('--role <role>', 'teller, auditor or admin; may be repeated', collect, [])
    .addHelpText('after', passwordHelp)
    .action(async (username: string, { fullName, email, role: roles }: CreateOptions) => {
      const password = await readPassword()
      const request = { username, password, fullName, email, roles }
      await administer((administration) => administration.createUser(request))
    })
  users
    .command('grant <username> <role>')
    .description('give a user a role: teller, auditor or admin')
    .action((username: string, role: string) =>
      administer((administration) => administration.grantRole({ username, role })),
    )
  users
    .command('revoke <username> <role>')
    .description('take a role from a user; the last admin stays one')
    .action((username: string, role: string) =>
      administer((administration) => administration.revokeRole({ username, role })),
    )
  users
    .command('disable <username>')
    .description('end all sessions of a user and let nobody log in; the last admin stays enabled')
    .action((username: string) =>
      administer((administration) => administration.disable({ username })),
    )
  users
    .command('enable <username>')
    .description('let a disabled user log in again')
    .action((username: string) =>
      administer((administration) => administration.enable({ username })),
    )
  users
    .command('set-password <username>')
    .description('set a new password')
    .addHelpText('after', passwordHelp)
    .action(async (username: string) => {
      const password = await readPassword()
      await administer((administration) => administration.setPassword({ username, password }))
    })
  users
    .command('remove-second-factor <username>')
    .description('let a user who has lost app and recovery codes log in with the password alone')
    .action((username: string) =>
      administer((administration) => administration.removeSecondFactor({ username })),
    )
  return users
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value]
}

async function administer(
  work: (administration: UserAdministration) => Promise<AdministrationOutcome>,
): Promise<void> {
  const config: Config = await readConfig()
  const outcome = await withDatabase(config, (database) => {
    const passwords = createPasswords({ cost: config.passwords.bcryptCost })
    return work(createUserAdministration({ database, passwords }))
  })
  if (!outcome.ok) throw new CommandError(outcome.detail)
  const { username, roles, status } = outcome.user
  process.stdout.write(`${username}: ${roles.join(', ')} (${status})\n`)
}
