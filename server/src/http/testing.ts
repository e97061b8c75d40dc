/**
 * The server as route tests use it: everything of the real one but the socket, with a token verifier
 * that takes the user's id for a token (`authorization: Bearer test:<user id>`).
 *
 *     const app = await buildTestApp({ routes: [createAccountRoutes({ ... })] })
 *     const response = await app.inject({ url: '/v1/accounts', headers: asUser(userId) })
 */
import type { FastifyInstance } from 'fastify'
import type { Uuid } from '../kernel/ids.ts'
import type { AuthenticationDependencies, Principal, TokenVerdict } from './authentication.ts'
import type { Role, Routes } from './route.ts'
import { createHttpServer, type HttpServerOptions } from './server.ts'

export interface TestAppOptions extends Partial<HttpServerOptions> {
  routes: readonly Routes[]
  /** The roles of users, by id. Everyone is a customer. */
  roles?: Readonly<Record<Uuid, readonly Role[]>>
  rolesOf?: RolesOf
}

type RolesOf = (userId: Uuid) => Promise<readonly Role[]>

/** A server that is ready for `inject`. Errors that it would log are kept in `app.loggedErrors`. */
export async function buildTestApp({
  roles = {},
  rolesOf = async (userId) => ['customer', ...(roles[userId] ?? [])],
  ...options
}: TestAppOptions): Promise<FastifyInstance & { loggedErrors: unknown[] }> {
  const loggedErrors: unknown[] = []
  const server = await createHttpServer({
    ...testServerOptions,
    authenticate: authenticateTest(rolesOf),
    onError: (error) => loggedErrors.push(error),
    ...options,
  })
  return Object.assign(server.app, { loggedErrors })
}

/** Headers that make a request one of that user. */
export function asUser(userId: Uuid): { authorization: string } {
  return { authorization: `Bearer test:${userId}` }
}

export const testServerOptions = {
  authenticate: authenticateTest(async () => ['customer']),
  readiness: async () => ({ ok: true, checks: {} }),
  // Tests share a machine with others, whose load is no reason for 503.
  eventLoopDelayMaxMilliseconds: Infinity,
} as const satisfies Partial<HttpServerOptions>

function authenticateTest(rolesOf: RolesOf): AuthenticationDependencies['authenticate'] {
  return async (text): Promise<TokenVerdict> => {
    if (text === 'test:expired') return { ok: false, code: 'token_expired' }
    const userId = /^test:([0-9a-f-]{36})$/.exec(text)?.[1]
    if (userId === undefined) return { ok: false, code: 'token_invalid' }
    const credential = { kind: 'session', id: userId } as const
    const principal: Principal = { userId, username: 'test', credential }
    return { ok: true, principal, roles: new Set(await rolesOf(userId)) }
  }
}
