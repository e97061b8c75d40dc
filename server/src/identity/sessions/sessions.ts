/**
 * Logging in, staying logged in and logging out.
 *
 * An unknown user, a wrong password and a disabled user are one outcome, found with one comparison of
 * a hash each, so that neither the answer nor its time tells who has an account.
 *
 * A refresh token is used once. Used again, it ends its session, because two hold it and one of them
 * is not the owner; but for a few seconds after its use the same successor is given again, for a
 * client that lost the answer or asked twice. That is for the immediate predecessor only.
 */
import type { AuditWriter } from '../../audit-events/audit-events.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { TokenMaker } from '../tokens/token-maker.ts'
import type { LoginChallenge, SecondFactors } from '../second-factor/second-factor.ts'
import type { UserStore } from '../users/store.ts'
import { normalizeUsername, type User } from '../users/user.ts'
import type { RefreshToken, RefreshTokens } from './refresh-token.ts'
import type { OpenedSession, SessionLifetimes, SessionStore } from './store.ts'

export interface LoginRequest extends Device {
  /** As typed: a text that can be no username is one that nobody has. */
  username: string
  password: string
}

/** Where a login comes from. */
export interface Device {
  userAgent: string | null
  address: string | null
  requestId: string | null
}

export interface SessionTokens {
  sessionId: Uuid
  user: User
  accessToken: string
  accessTokenExpiresAt: Date
  refreshToken: string
  refreshTokenExpiresAt: Date
}

export type LoginOutcome =
  | ({ kind: 'opened' } & SessionTokens)
  /** The password was right, and a code is needed besides. */
  | { kind: 'challenged'; challenge: LoginChallenge }
  | { kind: 'refused'; code: 'credentials_invalid' }

export type RefreshOutcome =
  | ({ kind: 'refreshed' } & SessionTokens)
  | { kind: 'refused'; code: 'refresh_token_invalid' }

export interface AnswerRequest extends Device {
  challenge: string
  code: string
}

export type AnswerOutcome =
  | ({ kind: 'opened' } & SessionTokens)
  | { kind: 'refused'; code: 'challenge_invalid' }
  | { kind: 'refused'; code: 'second_factor_code_incorrect'; triesLeft: number }

export interface Sessions {
  open(request: LoginRequest): Promise<LoginOutcome>
  /** The second step of a login. */
  answer(request: AnswerRequest): Promise<AnswerOutcome>
  refresh(request: { refreshToken: string; requestId: string | null }): Promise<RefreshOutcome>
}

export interface SessionsDependencies {
  users: UserStore
  store: SessionStore
  passwords: Passwords
  tokens: TokenMaker
  refreshTokens: RefreshTokens
  accessTokenDurationSeconds: number
  refreshTokenDurationSeconds: number
  nextId: () => Uuid
  secondFactors: Pick<SecondFactors, 'challenge' | 'answer'>
  /** Told of each login that fails. */
  auditWriter: AuditWriter
}

/** How long after its use the last refresh token before the present one gives that again. */
export const refreshGraceMilliseconds = 10_000

const refreshRefused: RefreshOutcome = { kind: 'refused', code: 'refresh_token_invalid' }

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { users, store, passwords, tokens, refreshTokens, nextId } = dependencies
  const { secondFactors, auditWriter } = dependencies
  const { accessTokenDurationSeconds, refreshTokenDurationSeconds } = dependencies
  const lifetimes: SessionLifetimes = {
    refreshSeconds: refreshTokenDurationSeconds,
    sessionSeconds: Math.max(accessTokenDurationSeconds, refreshTokenDurationSeconds),
  }

  function refuseLogin(user: User | undefined, requestId: string | null): LoginOutcome {
    const code = 'credentials_invalid'
    const subject = user === undefined ? null : ({ prefix: 'user', id: user.id } as const)
    // Nobody has shown to be anyone, so it has no actor.
    const event = { kind: 'session.refused', actorId: null, subject, facts: { code } } as const
    auditWriter.record({ ...event, requestId })
    return { kind: 'refused', code }
  }

  async function open(request: LoginRequest): Promise<LoginOutcome> {
    const { password, username: typed, ...device } = request
    const username = normalizeUsername(typed)
    const known = username === undefined ? undefined : await users.findCredentials({ username })
    const matches = await passwords.verify(password, known?.passwordHash)
    if (known === undefined || !matches || known.user.status !== 'active') {
      return refuseLogin(known?.user, device.requestId)
    }

    const { user, passwordHash } = known
    const challenge = await secondFactors.challenge(user.id)
    const session = challenge ?? (await openSession(user, passwordHash, device))
    if (session === undefined) return refuseLogin(user, device.requestId)

    if (passwords.isOutdated(passwordHash)) {
      const after = await passwords.hash(password)
      await users.replaceHash(user.id, { before: passwordHash, after })
    }
    return 'sessionId' in session
      ? { kind: 'opened', ...session }
      : { kind: 'challenged', challenge: session }
  }

  async function openSession(
    user: User,
    passwordHash: string,
    device: Device,
  ): Promise<SessionTokens | undefined> {
    const id = nextId()
    const token = refreshTokens.create(id)
    const session = { id, userId: user.id, passwordHash, refreshHash: token.hash, lifetimes }
    const opened = await store.open({ ...session, ...device })
    return opened && tokensOf(user, opened, token)
  }

  async function answer({ challenge, code, ...device }: AnswerRequest): Promise<AnswerOutcome> {
    const { requestId } = device
    const outcome = await secondFactors.answer({ challenge, code, requestId })
    if (outcome.kind === 'challenge_invalid') return { kind: 'refused', code: 'challenge_invalid' }
    const { userId, passwordHash, triesLeft } = outcome
    if (outcome.kind === 'code_incorrect') {
      const subject = { prefix: 'user', id: userId } as const
      auditWriter.record({ kind: 'second_factor.refused', actorId: null, subject, requestId })
      return { kind: 'refused', code: 'second_factor_code_incorrect', triesLeft }
    }
    const known = await users.findCredentials({ id: userId })
    const session = known && (await openSession(known.user, passwordHash, device))
    // The user was disabled, or got another password, between the two steps.
    if (session === undefined) return { kind: 'refused', code: 'challenge_invalid' }
    return { kind: 'opened', ...session }
  }

  async function refresh({
    refreshToken: text,
    requestId,
  }: {
    refreshToken: string
    requestId: string | null
  }): Promise<RefreshOutcome> {
    const token = refreshTokens.parse(text)
    if (token === undefined) return refreshRefused
    const successors = refreshTokens.successors(token)
    const { sessionId, generation, hash } = token
    const successorHash = successors[0].hash
    const result = await store.refresh({ sessionId, generation, hash, successorHash, lifetimes })
    if (result.kind === 'over') return refreshRefused
    if (result.kind === 'refreshed') {
      return { kind: 'refreshed', ...tokensOf(result.user, result, successors[0]) }
    }
    const isInGrace = result.ageMilliseconds <= refreshGraceMilliseconds
    if (result.generation === generation + 1 && isInGrace) {
      // None is left when the key that made the successor was taken out of the ring meanwhile.
      const successor = successors.find((candidate) => candidate.hash.equals(result.hash))
      if (successor === undefined) return refreshRefused
      return { kind: 'refreshed', ...tokensOf(result.user, result, successor) }
    }
    const userId = result.user.id
    await store.end({ sessionId, userId, reason: 'refresh_token_reused', requestId })
    return refreshRefused
  }

  function tokensOf(user: User, opened: OpenedSession, refreshToken: RefreshToken): SessionTokens {
    const { sessionId } = refreshToken
    const access = tokens.create({
      kind: 'access',
      userId: user.id,
      username: user.username,
      sessionId,
      epoch: opened.accessEpoch,
      durationSeconds: accessTokenDurationSeconds,
    })
    return {
      sessionId,
      user,
      accessToken: access.text,
      accessTokenExpiresAt: new Date(access.claims.expiresAt),
      refreshToken: refreshToken.text,
      refreshTokenExpiresAt: opened.refreshExpiresAt,
    }
  }

  return { open, answer, refresh }
}
