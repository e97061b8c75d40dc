/**
 * Logging in. An unknown user, a wrong password and a disabled user are one outcome, found with one
 * comparison of a hash each, so that neither the answer nor its time tells who has an account.
 */
import type { Uuid } from '../../kernel/ids.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { TokenMaker } from '../tokens/token-maker.ts'
import type { UserStore } from '../users/store.ts'
import { normalizeUsername, type User } from '../users/user.ts'
import type { SessionStore } from './store.ts'

export interface LoginRequest {
  /** As typed: a text that can be no username is one that nobody has. */
  username: string
  password: string
  userAgent: string | null
  address: string | null
}

export type LoginOutcome =
  | {
      kind: 'opened'
      sessionId: Uuid
      user: User
      accessToken: string
      accessTokenExpiresAt: Date
    }
  | { kind: 'refused'; code: 'credentials_invalid' }

export interface Sessions {
  open(request: LoginRequest): Promise<LoginOutcome>
}

export interface SessionsDependencies {
  users: UserStore
  store: SessionStore
  passwords: Passwords
  tokens: TokenMaker
  accessTokenDurationSeconds: number
  nextId: () => Uuid
}

const refused: LoginOutcome = { kind: 'refused', code: 'credentials_invalid' }

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { users, store, passwords, tokens, accessTokenDurationSeconds, nextId } = dependencies

  async function open(request: LoginRequest): Promise<LoginOutcome> {
    const { password, userAgent, address } = request
    const username = normalizeUsername(request.username)
    const known = username === undefined ? undefined : await users.findCredentials({ username })
    const matches = await passwords.verify(password, known?.passwordHash)
    if (known === undefined || !matches || known.user.status !== 'active') return refused

    const { user, passwordHash } = known
    const id = nextId()
    const session = { id, userId: user.id, passwordHash, userAgent, address }
    if (!(await store.open(session))) return refused

    if (passwords.isOutdated(passwordHash)) {
      const after = await passwords.hash(password)
      await users.replaceHash(user.id, { before: passwordHash, after })
    }
    const token = tokens.create({
      kind: 'access',
      userId: user.id,
      username: user.username,
      sessionId: id,
      durationSeconds: accessTokenDurationSeconds,
    })
    const accessTokenExpiresAt = new Date(token.claims.expiresAt)
    return { kind: 'opened', sessionId: id, user, accessToken: token.text, accessTokenExpiresAt }
  }

  return { open }
}
