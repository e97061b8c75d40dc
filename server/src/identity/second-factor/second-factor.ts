/**
 * The second factor of a user: codes by time, or a recovery code in their place.
 *
 * Invariants: a secret counts once a code has confirmed it, and is shown when it is made and never
 * again. A code is accepted once; recovery codes are too. A login with a second factor has two steps,
 * and its challenge has five tries.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { createLinkToken, hashLinkToken } from '../mails/link-token.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { UserStore } from '../users/store.ts'
import type { Challenge, ChallengeStore } from './challenge-store.ts'
import { createRecoveryCodes, hashRecoveryCode } from './recovery-codes.ts'
import type { Proof, SecondFactorStore } from './store.ts'
import { createTotpSecret, describeTotpSecret, findTotpStep, totpCodePattern } from './totp.ts'
import type { Vault } from './vault.ts'

export type SecondFactorState = 'off' | 'pending' | 'on'

export type FactorRefusal =
  | 'current_password_incorrect'
  | 'second_factor_exists'
  | 'second_factor_not_found'
  | 'second_factor_code_incorrect'

export type FactorOutcome<T> = { kind: 'done'; value: T } | { kind: 'refused'; code: FactorRefusal }

export interface LoginChallenge {
  text: string
  expiresAt: Date
}

export interface SecondFactors {
  read(userId: Uuid): Promise<{ state: SecondFactorState; recoveryCodesLeft: number }>
  begin(request: {
    userId: Uuid
    currentPassword: string
  }): Promise<FactorOutcome<{ secret: string; url: string }>>
  /** The recovery codes. */
  confirm(request: CodeRequest): Promise<FactorOutcome<string[]>>
  renewRecoveryCodes(request: CodeRequest): Promise<FactorOutcome<string[]>>
  remove(request: CodeRequest & { currentPassword: string }): Promise<FactorOutcome<void>>
  /** The first step of a login: `undefined` for a user who needs no second one. */
  challenge(userId: Uuid): Promise<LoginChallenge | undefined>
  /** The second step. Of a challenge that was answered nothing is left. */
  answer(request: {
    challenge: string
    code: string
    requestId: string | null
  }): Promise<ChallengeOutcome>
}

export interface CodeRequest {
  userId: Uuid
  code: string
  requestId: string | null
}

export type ChallengeOutcome =
  | ({ kind: 'answered' } & Challenge)
  | ({ kind: 'code_incorrect' } & Challenge)
  | { kind: 'challenge_invalid' }

export interface SecondFactorsDependencies {
  store: SecondFactorStore
  challenges: ChallengeStore
  users: Pick<UserStore, 'findCredentials'>
  passwords: Pick<Passwords, 'verify'>
  vault: Vault
  clock: Clock
  /** The name under which an app shows its codes. */
  issuer: string
}

const totpCode = new RegExp(totpCodePattern)

export function createSecondFactors(dependencies: SecondFactorsDependencies): SecondFactors {
  const { store, challenges, users, passwords, vault, clock, issuer } = dependencies

  /** What that code would prove of the confirmed factor; whether it is spent, the store knows. */
  async function prove(userId: Uuid, code: string): Promise<Proof | undefined> {
    if (!totpCode.test(code)) return { kind: 'recovery_code', hash: hashRecoveryCode(code) }
    const factor = await store.find(userId)
    if (!factor?.isConfirmed) return undefined
    const step = findTotpStep(await vault.open(userId, factor.secret), code, clock.now())
    return step === undefined ? undefined : { kind: 'step', step }
  }

  async function isConfirmed(userId: Uuid): Promise<boolean> {
    return (await store.find(userId))?.isConfirmed ?? false
  }

  async function begin({ userId, currentPassword }: { userId: Uuid; currentPassword: string }) {
    const known = await users.findCredentials({ id: userId })
    if (!known || !(await passwords.verify(currentPassword, known.passwordHash))) {
      return refused('current_password_incorrect')
    }
    const secret = createTotpSecret()
    const isBegun = await store.begin(userId, await vault.seal(userId, secret))
    if (!isBegun) return refused('second_factor_exists')
    return done(describeTotpSecret(secret, { issuer, username: known.user.username }))
  }

  async function confirm({ userId, code, requestId }: CodeRequest) {
    const factor = await store.find(userId)
    if (factor === undefined) return refused('second_factor_not_found')
    if (factor.isConfirmed) return refused('second_factor_exists')
    const step = findTotpStep(await vault.open(userId, factor.secret), code, clock.now())
    if (step === undefined) return refused('second_factor_code_incorrect')
    const codes = createRecoveryCodes()
    const recoveryHashes = codes.map(({ hash }) => hash)
    const { secret } = factor
    const isDone = await store.confirm({ userId, secret, step, recoveryHashes, requestId })
    return isDone ? done(codes.map(({ text }) => text)) : refused('second_factor_exists')
  }

  async function renewRecoveryCodes({ userId, code, requestId }: CodeRequest) {
    if (!(await isConfirmed(userId))) return refused('second_factor_not_found')
    const codes = createRecoveryCodes()
    const hashes = codes.map(({ hash }) => hash)
    const proof = await prove(userId, code)
    const isDone = proof && (await store.replaceRecoveryCodes({ userId, proof, hashes, requestId }))
    return isDone ? done(codes.map(({ text }) => text)) : refused('second_factor_code_incorrect')
  }

  async function remove({
    userId,
    code,
    requestId,
    currentPassword,
  }: CodeRequest & { currentPassword: string }) {
    const known = await users.findCredentials({ id: userId })
    if (!known || !(await passwords.verify(currentPassword, known.passwordHash))) {
      return refused('current_password_incorrect')
    }
    if (!(await isConfirmed(userId))) return refused('second_factor_not_found')
    const proof = await prove(userId, code)
    const isDone = proof && (await store.remove({ userId, proof, requestId }))
    return isDone ? done(undefined) : refused('second_factor_code_incorrect')
  }

  return {
    async read(userId) {
      const factor = await store.find(userId)
      if (factor === undefined) return { state: 'off', recoveryCodesLeft: 0 }
      if (!factor.isConfirmed) return { state: 'pending', recoveryCodesLeft: 0 }
      return { state: 'on', recoveryCodesLeft: await store.countRecoveryCodes(userId) }
    },
    begin,
    confirm,
    renewRecoveryCodes,
    remove,

    async challenge(userId) {
      if (!(await isConfirmed(userId))) return undefined
      const { text, hash } = createLinkToken()
      return { text, expiresAt: await challenges.add({ hash, userId }) }
    },

    async answer({ challenge: text, code, requestId }) {
      const hash = hashLinkToken(text)
      const challenge = await challenges.takeTry(hash)
      if (challenge === undefined) return { kind: 'challenge_invalid' }
      const { userId } = challenge
      const proof = await prove(userId, code)
      if (proof === undefined || !(await store.spend({ userId, proof, requestId }))) {
        return { kind: 'code_incorrect', ...challenge }
      }
      if (!(await challenges.remove(hash))) return { kind: 'challenge_invalid' }
      return { kind: 'answered', ...challenge }
    },
  }
}

function done<T>(value: T): FactorOutcome<T> {
  return { kind: 'done', value }
}

function refused(code: FactorRefusal): { kind: 'refused'; code: FactorRefusal } {
  return { kind: 'refused', code }
}
