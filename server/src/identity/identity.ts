/**
 * The face of identity: who people are, how they show it, and what they may do. Others meet it only
 * here, and for configuration at tokens/token-key.ts.
 */
import type { Database } from '../database/database.ts'
import type { TokenVerdict } from '../http/authentication.ts'
import type { Role, Routes } from '../http/route.ts'
import type { Clock } from '../kernel/clock.ts'
import { createUuidSource, type Uuid } from '../kernel/ids.ts'
import { createUserAdministration, type UserAdministration } from './administration.ts'
import { createBootstrap, type BootstrapOutcome, type BootstrapRequest } from './bootstrap.ts'
import { createPasswords } from './passwords/passwords.ts'
import { createSessionRoutes } from './sessions/routes.ts'
import { createSessions } from './sessions/sessions.ts'
import { createSessionStore } from './sessions/store.ts'
import type { TokenKeys } from './tokens/envelope.ts'
import { createTokenMaker, type TokenMakerKind } from './tokens/token-maker.ts'
import { createUserRoutes } from './users/routes.ts'
import { createUserStore } from './users/store.ts'
import { createUsers } from './users/users.ts'

export interface IdentityOptions {
  database: Pick<Database, 'kysely' | 'transaction'>
  tokens: {
    kind: TokenMakerKind
    /** The first makes tokens; tokens of the others still count. */
    keys: TokenKeys
    accessTokenDurationSeconds: number
    /** Who makes the tokens and for whom: those of another bank with the same key do not count. */
    issuer: string
    audience: string
  }
  /** The cost of new password hashes: see createPasswords. */
  passwordCost?: number
  clock: Clock
}

export interface Identity {
  /** For the bearer hook. Never throws because of the text. */
  verifyToken: (text: string) => TokenVerdict
  /** Read from the database at each call: none for a user who is disabled. */
  rolesOf: (userId: Uuid) => Promise<readonly Role[]>
  userRoutes: Routes
  sessionRoutes: Routes
  /** Once at start, before the first request. */
  bootstrap: (request: BootstrapRequest) => Promise<BootstrapOutcome>
  administration: UserAdministration
}

export function createIdentity({
  database,
  tokens,
  passwordCost,
  clock,
}: IdentityOptions): Identity {
  const nextId = createUuidSource(() => clock.now().getTime())
  const passwords = createPasswords(passwordCost === undefined ? {} : { cost: passwordCost })
  const store = createUserStore(database)
  const { accessTokenDurationSeconds, ...tokenOptions } = tokens
  const maker = createTokenMaker({ ...tokenOptions, clock })
  const sessions = createSessions({
    users: store,
    store: createSessionStore(database),
    passwords,
    tokens: maker,
    accessTokenDurationSeconds,
    nextId,
  })

  return {
    verifyToken(text) {
      const verdict = maker.verify(text)
      return verdict.ok ? { ok: true, principal: verdict.claims } : verdict
    },
    rolesOf: (userId) => store.rolesOf(userId),
    userRoutes: createUserRoutes({ users: createUsers({ store, passwords, nextId }), store }),
    sessionRoutes: createSessionRoutes({ sessions }),
    bootstrap: createBootstrap({ store, passwords, nextId }),
    administration: createUserAdministration({ database, passwords }),
  }
}
