/** The first admin of a bank, by configuration or, for an embedded bank, made up. */
import type { Config } from '../config/config.ts'
import type { BootstrapOutcome } from '../identity/bootstrap.ts'
import type { Identity } from '../identity/identity.ts'
import { StartError } from './start-error.ts'

export async function bootstrapBank(
  identity: Pick<Identity, 'bootstrap'>,
  config: Config,
  dataDirectory: string | undefined,
  log: (line: string) => void,
): Promise<BootstrapOutcome> {
  const outcome = await identity.bootstrap(
    config.bootstrapAdmin
      ? { kind: 'configured', ...config.bootstrapAdmin }
      : dataDirectory === undefined
        ? { kind: 'none' }
        : { kind: 'generated', dataDirectory },
  )
  switch (outcome.kind) {
    case 'invalid':
      throw new StartError(
        `BOOTSTRAP_ADMIN_USERNAME and BOOTSTRAP_ADMIN_PASSWORD: ${outcome.detail}`,
      )
    case 'username_taken':
      throw new StartError(
        `BOOTSTRAP_ADMIN_USERNAME: ${outcome.username} is the name of a user who is no admin. ` +
          `Choose another, or run: npx tallystick users grant ${outcome.username} admin`,
      )
    case 'created':
    case 'created_with_password':
      log(`made the first admin ${outcome.username}`)
      return outcome
    default:
      return outcome
  }
}
