/**
 * The face of identity: who people are, how they show it, and what they may do. Others meet it only
 * here, and for configuration at tokens/token-key.ts.
 */
import type { AuditWriter } from '../audit-events/audit-events.ts'
import type { Database } from '../database/database.ts'
import type { AuthenticationDependencies } from '../http/authentication.ts'
import type { Routes } from '../http/route.ts'
import type { Clock } from '../kernel/clock.ts'
import { addJob, type JobTask } from '../jobs/jobs.ts'
import { createUuidSource } from '../kernel/ids.ts'
import { createUserAdministration, type UserAdministration } from './administration.ts'
import { createAdmission } from './admission/admission.ts'
import { createAdmissionStore } from './admission/store.ts'
import { createApiKeyRoutes } from './api-keys/routes.ts'
import { createApiKeyStore } from './api-keys/store.ts'
import { createCleanup, type Cleanup, type CleanupHooks } from './cleanup/cleanup.ts'
import { createCleanupStore } from './cleanup/store.ts'
import { createBootstrap, type BootstrapOutcome, type BootstrapRequest } from './bootstrap.ts'
import { createMailQueue } from './mails/mail-request.ts'
import { createMails, type MailTaskOptions } from './mails/mails.ts'
import { createPasswords } from './passwords/passwords.ts'
import { createRefreshTokens } from './sessions/refresh-token.ts'
import { createChallengeStore } from './second-factor/challenge-store.ts'
import { createSecondFactorRoutes } from './second-factor/routes.ts'
import { createSecondFactors } from './second-factor/second-factor.ts'
import { createSecondFactorStore } from './second-factor/store.ts'
import { createVaultStore } from './second-factor/vault-store.ts'
import { createVault } from './second-factor/vault.ts'
import { createSessionRoutes } from './sessions/routes.ts'
import { createSessions } from './sessions/sessions.ts'
import { createSessionStore } from './sessions/store.ts'
import type { KeyRing } from './tokens/key-ring.ts'
import { createTokenMaker, type TokenMakerKind } from './tokens/token-maker.ts'
import { createUserAdminRoutes } from './users/admin-routes.ts'
import { createUserAdminStore } from './users/admin-store.ts'
import { createUserRoutes } from './users/routes.ts'
import { createUserStore } from './users/store.ts'
import { createUsers } from './users/users.ts'

export interface IdentityOptions {
  database: Pick<Database, 'kysely' | 'transaction'>
  tokens: {
    kind: TokenMakerKind
    /** May be replaced at any time: what is made and checked from then on follows it. */
    ring: KeyRing
    accessTokenDurationSeconds: number
    refreshTokenDurationSeconds: number
    /** Who makes the tokens and for whom: those of another bank with the same key do not count. */
    issuer: string
    audience: string
  }
  /** The cost of new password hashes: see createPasswords. */
  passwordCost?: number
  /** Told of what is refused; a caller without requests has no need of it. */
  auditWriter?: AuditWriter
  clock: Clock
}

export interface Identity {
  /** For the bearer hook. */
  authenticate: AuthenticationDependencies['authenticate']
  userRoutes: Routes
  userAdminRoutes: Routes
  sessionRoutes: Routes
  secondFactorRoutes: Routes
  apiKeyRoutes: Routes
  /** Confirming an address, resetting a password, and the pages that mailed links lead to. */
  mailRoutes: readonly Routes[]
  /** For the job runner, by their names. */
  createMailTasks: (options: MailTaskOptions) => Record<string, JobTask>
  /** Seals secrets under the token key that signs. At start, and now and then. */
  keepSecrets: () => Promise<void>
  /** Cleans up after sessions, links and challenges that have long been over. */
  createCleanup: (hooks: CleanupHooks) => Cleanup
  /** Once at start, before the first request. */
  bootstrap: (request: BootstrapRequest) => Promise<BootstrapOutcome>
  administration: UserAdministration
}

export function createIdentity({
  database,
  tokens,
  passwordCost,
  auditWriter = { record: () => undefined },
  clock,
}: IdentityOptions): Identity {
  const nextId = createUuidSource(() => clock.now().getTime())
  const passwords = createPasswords(passwordCost === undefined ? {} : { cost: passwordCost })
  const queueMail = createMailQueue(addJob)
  const mails = createMails({ database, passwords, queueMail })
  const store = createUserStore({ ...database, queueMail })
  const { accessTokenDurationSeconds, refreshTokenDurationSeconds, ...tokenOptions } = tokens
  const maker = createTokenMaker({ ...tokenOptions, clock })
  const sessionStore = createSessionStore(database)
  const vault = createVault({ ring: tokens.ring, store: createVaultStore(database) })
  const secondFactors = createSecondFactors({
    store: createSecondFactorStore({ ...database, queueMail }),
    challenges: createChallengeStore(database),
    users: store,
    passwords,
    vault,
    clock,
    issuer: tokens.issuer,
  })
  const sessions = createSessions({
    users: store,
    store: sessionStore,
    passwords,
    tokens: maker,
    refreshTokens: createRefreshTokens({ ring: tokens.ring, clock }),
    accessTokenDurationSeconds,
    refreshTokenDurationSeconds,
    nextId,
    secondFactors,
    auditWriter,
  })

  return {
    authenticate: createAdmission({ tokens: maker, store: createAdmissionStore(database) }),
    userRoutes: createUserRoutes({ users: createUsers({ store, passwords, nextId }), store }),
    userAdminRoutes: createUserAdminRoutes({ admin: createUserAdminStore(database) }),
    apiKeyRoutes: createApiKeyRoutes({ store: createApiKeyStore(database), nextId }),
    sessionRoutes: createSessionRoutes({ sessions, store: sessionStore }),
    secondFactorRoutes: createSecondFactorRoutes({ secondFactors }),
    keepSecrets: () => vault.keep(),
    mailRoutes: mails.routes,
    createMailTasks: mails.createTasks,
    createCleanup: (hooks) => createCleanup({ store: createCleanupStore(database), ...hooks }),
    bootstrap: createBootstrap({ store, passwords, nextId }),
    administration: createUserAdministration({ database, passwords }),
  }
}
