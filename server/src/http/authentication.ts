/**
 * Bearer authentication (RFC 6750): one hook for all routes, which a route opts out of with
 * `config: { access: 'public' }` and never into.
 *
 * It runs before the body is read. Roles are read from the store when a route needs them, at each
 * request, so that taking a role away is in force at once; a token never carries them.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { assert, present } from '../kernel/assert.ts'
import type { Uuid } from '../kernel/ids.ts'
import { countHeader } from './headers.ts'
import { problem, type ProblemError } from './problem.ts'
import type { ProblemCode } from './problem-catalog.ts'
import type { Access, Role } from './route.ts'

/** The user on whose behalf a request acts, and the session that says so. */
export interface Principal {
  userId: Uuid
  username: string
  sessionId: Uuid
}

export type TokenVerdict =
  | { ok: true; principal: Principal }
  | { ok: false; code: 'token_invalid' | 'token_expired' }

export interface AuthenticationDependencies {
  /** Checks an access token. Never throws for what a client sent. */
  verifyToken: (text: string) => TokenVerdict
  rolesOf: (userId: Uuid) => Promise<readonly Role[]>
}

const identityKey = Symbol('identity')

declare module 'fastify' {
  interface FastifyRequest {
    [identityKey]: Identity | null
    /** Who asks. There is none on a public route: reading it there is a defect. */
    readonly principal: Principal
    /** The roles of the principal, read from the store once per request, when first asked for. */
    roles(): Promise<ReadonlySet<Role>>
  }
}

interface Identity {
  principal: Principal
  roles: Promise<ReadonlySet<Role>> | undefined
}

/** Adds the hook and the request members to the whole server. */
export function addAuthentication(
  app: FastifyInstance,
  { verifyToken, rolesOf }: AuthenticationDependencies,
): void {
  // A decorated slot and not a WeakMap: the garbage collector pays for each entry of one.
  app.decorateRequest(identityKey, null)
  app.decorateRequest('principal', {
    getter() {
      return present(this[identityKey], 'the identity of a public request').principal
    },
  })
  app.decorateRequest('roles', function roles(this: FastifyRequest) {
    const identity = present(this[identityKey], 'the identity of a public request')
    identity.roles ??= rolesOf(identity.principal.userId).then((list) => new Set(list))
    return identity.roles
  })

  app.addHook('onRequest', (request, _reply, done) => {
    const access = request.routeOptions.config.access ?? 'user'
    if (access === 'public') return done()
    const verdict = authenticate(request, verifyToken)
    if ('failure' in verdict) return done(verdict.failure)
    request[identityKey] = { principal: verdict.principal, roles: undefined }
    if (access === 'user') return done()
    requireRole(request, access).then((failure) => done(failure), done)
  })
}

/** The id of the user who asks, where the request has shown a valid token. */
export function principalIdOf(request: FastifyRequest): Uuid | undefined {
  return request[identityKey]?.principal.userId
}

function authenticate(
  request: FastifyRequest,
  verifyToken: AuthenticationDependencies['verifyToken'],
): { principal: Principal } | { failure: ProblemError } {
  const header = request.headers.authorization
  if (header === undefined) return { failure: unauthorized('token_missing') }
  if (countHeader(request.raw.rawHeaders, 'authorization') !== 1) {
    return { failure: unauthorized('authorization_invalid') }
  }
  const scheme = /^[^\s]*/.exec(header)?.[0].toLowerCase()
  if (scheme !== 'bearer') return { failure: unauthorized('authorization_unsupported') }
  const token = /^bearer ([\x21-\x7e]+)$/i.exec(header)?.[1]
  if (token === undefined) return { failure: unauthorized('authorization_invalid') }
  const verdict = verifyToken(token)
  return verdict.ok ? verdict : { failure: unauthorized(verdict.code) }
}

// RFC 6750, section 3.1: no error code where no credentials came; invalid_request for a malformed
// header; invalid_token for the rest.
function unauthorized(code: ProblemCode): ProblemError {
  const error =
    code === 'token_missing' || code === 'authorization_unsupported'
      ? ''
      : ` error="${code === 'authorization_invalid' ? 'invalid_request' : 'invalid_token'}"`
  const comma = error === '' ? '' : ','
  return problem(code, {
    headers: { 'www-authenticate': `Bearer realm="tallystick"${comma}${error}` },
  })
}

async function requireRole(
  request: FastifyRequest,
  needed: Exclude<Access, string>,
): Promise<ProblemError | undefined> {
  assert(needed.length > 0, 'a route that needs one of no roles can never be called')
  const roles = await request.roles()
  if (needed.some((role) => roles.has(role))) return undefined
  return problem('role_required', { facts: { roles: needed } })
}
