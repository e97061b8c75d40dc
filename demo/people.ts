/** The people of the story and their accounts. */
import { randomBytes } from 'node:crypto'
import type { Api } from '../tools/api.ts'
import { runCommand } from '../tools/command.ts'

export interface Person {
  username: string
  password: string
  token: string
  /** RFC 3339. */
  tokenExpiresAt: string
}

export interface Account {
  id: string
  owner: Person
}

/** The demo and the bank look at different databases: a role given here is not seen there. */
export class OtherBankError extends Error {}

export async function signUp(api: Api, username: string, fullName: string): Promise<Person> {
  const password = randomBytes(12).toString('base64url')
  await api.call('POST', '/v1/users', {
    body: { username, password, full_name: fullName, email: `${username}@example.com` },
  })
  return logIn(api, username, password)
}

async function logIn(api: Api, username: string, password: string): Promise<Person> {
  const session = await api.call('POST', '/v1/sessions', { body: { username, password } })
  return {
    username,
    password,
    token: api.text(session, 'access_token'),
    tokenExpiresAt: api.text(session, 'access_token_expires_at'),
  }
}

/**
 * Roles are given on the command line, beside the bank and with its settings. A change of roles ends
 * the tokens there are, so the teller comes back with a new one.
 */
export async function makeTeller(api: Api, { username, password }: Person): Promise<Person> {
  try {
    await runCommand(['users', 'grant', username, 'teller'])
  } catch (error) {
    throw new OtherBankError(
      `${username} could not be made a teller. The demo needs the settings of the bank at ` +
        `${api.baseUrl} (DATA_DIR or DATABASE_URL) to do that.`,
      { cause: error },
    )
  }
  return logIn(api, username, password)
}

export async function openAccount(api: Api, owner: Person, name: string): Promise<Account> {
  const account = await api.call('POST', '/v1/accounts', {
    token: owner.token,
    body: { currency: 'EUR', name },
  })
  return { id: api.text(account, 'id'), owner }
}
