/**
 * Bearer authentication (RFC 6750): one hook for all routes, which a route opts out of with
 * `config: { access: 'public' }` and never into.
 *
 * It runs before the body is read. Whether a credential still counts and which roles its user has is
 * asked at each request, so that ending a session or taking a role away is in force at once; a token
 * never carries them. An API key reaches only the routes that name a scope, and of those the ones
 * whose scope it has.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { assert, present } from '../kernel/assert.ts'
import type { Uuid } from '../kernel/ids.ts'
import { countHeader } from './headers.ts'
import { problem, type ProblemError } from './problem.ts'
import type { Access, Role } from './route.ts'
import type { Scope } from './scopes.ts'

/** What a request came with. It never decides whose things it may touch: that is the user's. */
export type Credential =
  | { kind: 'session'; id: Uuid }
  | { kind: 'api_key'; id: Uuid; scopes: ReadonlySet<Scope> }

/** The user on whose behalf a request acts, and what says so. */
export interface Principal {
  userId: Uuid
  username: string
  credential: Credential
}

export type TokenVerdict =
  | { ok: true; principal: Principal; roles: ReadonlySet<Role> }
  | { ok: false; code: 'token_invalid' | 'token_expired' }

export interface AuthenticationDependencies {
  /**
   * Judges an access token or an API key, as of a moment after the request arrived. Never throws for
   * what a client sent.
   */
  authenticate: (text: string) => Promise<TokenVerdict>
}

/** What is answered in place of that refusal where its address has had too many of them. */
export type LimitFailure = (
  request: FastifyRequest,
  reply: FastifyReply,
  code: TokenFailure,
) => ProblemError | undefined

const identityKey = Symbol('identity')

declare module 'fastify' {
  interface FastifyRequest {
    [identityKey]: Identity | null
    /** Who asks. There is none on a public route: reading it there is a defect. */
    readonly principal: Principal
    /** The roles of the principal when the request arrived. */
    roles(): Promise<ReadonlySet<Role>>
  }
}

interface Identity {
  principal: Principal
  roles: ReadonlySet<Role>
}

/** Adds the hook and the request members to the whole server. */
export function addAuthentication(
  app: FastifyInstance,
  { authenticate }: AuthenticationDependencies,
  limitFailure: LimitFailure = () => undefined,
): void {
  // A decorated slot and not a WeakMap: the garbage collector pays for each entry of one.
  app.decorateRequest(identityKey, null)
  app.decorateRequest('principal', {
    getter() {
      return present(this[identityKey], 'the identity of a public request').principal
    },
  })
  app.decorateRequest('roles', async function roles(this: FastifyRequest) {
    return present(this[identityKey], 'the identity of a public request').roles
  })

  /** Resolves to the code where the token is not good; who comes with a good one is never limited. */
  async function admit(request: FastifyRequest, token: string, access: Exclude<Access, 'public'>) {
    const verdict = await authenticate(token)
    if (!verdict.ok) return verdict.code
    const { principal, roles } = verdict
    request[identityKey] = { principal, roles }
    return refuseScope(principal, request.routeOptions.config.scope) ?? refuseRole(roles, access)
  }

  app.addHook('onRequest', (request, reply, done) => {
    const access = request.routeOptions.config.access ?? 'user'
    if (access === 'public') return done()
    const end = (failure: ProblemError | TokenFailure | undefined) =>
      done(
        typeof failure === 'string'
          ? (limitFailure(request, reply, failure) ?? unauthorized(failure))
          : failure,
      )
    const token = readToken(request)
    if (!token.ok) return end(token.code)
    admit(request, token.text, access).then(end, done)
  })
}

/** The id of the user who asks, where the request has shown a valid token. */
export function principalIdOf(request: FastifyRequest): Uuid | undefined {
  return request[identityKey]?.principal.userId
}

/** Why a request is answered with 401. */
export type TokenFailure =
  | 'token_missing'
  | 'token_invalid'
  | 'token_expired'
  | 'authorization_invalid'
  | 'authorization_unsupported'

type TokenText = { ok: true; text: string } | { ok: false; code: TokenFailure }

function readToken(request: FastifyRequest): TokenText {
  const header = request.headers.authorization
  if (header === undefined) return { ok: false, code: 'token_missing' }
  if (countHeader(request.raw.rawHeaders, 'authorization') !== 1) {
    return { ok: false, code: 'authorization_invalid' }
  }
  const scheme = /^[^\s]*/.exec(header)?.[0].toLowerCase()
  if (scheme !== 'bearer') return { ok: false, code: 'authorization_unsupported' }
  const text = /^bearer ([\x21-\x7e]+)$/i.exec(header)?.[1]
  return text === undefined ? { ok: false, code: 'authorization_invalid' } : { ok: true, text }
}

// RFC 6750, section 3.1: no error code where no credentials came; invalid_request for a malformed
// header; invalid_token for the rest.
function unauthorized(code: TokenFailure): ProblemError {
  const error =
    code === 'token_missing' || code === 'authorization_unsupported'
      ? ''
      : ` error="${code === 'authorization_invalid' ? 'invalid_request' : 'invalid_token'}"`
  const comma = error === '' ? '' : ','
  return problem(code, {
    headers: { 'www-authenticate': `${challenge}${comma}${error}` },
  })
}

function refuseRole(
  roles: ReadonlySet<Role>,
  needed: Exclude<Access, 'public'>,
): ProblemError | undefined {
  if (needed === 'user') return undefined
  assert(needed.length > 0, 'a route that needs one of no roles can never be called')
  if (needed.some((role) => roles.has(role))) return undefined
  return problem('role_required', { facts: { roles: needed } })
}

// RFC 6750, section 3.1: insufficient_scope is a 403 that names the scope.
function refuseScope(
  { credential }: Principal,
  needed: Scope | undefined,
): ProblemError | undefined {
  if (credential.kind !== 'api_key') return undefined
  if (needed === undefined) {
    return problem('scope_required', {
      detail: 'This is not for API keys: it needs the access token of a session.',
      facts: { scope: null },
      headers: { 'www-authenticate': `${challenge}, error="insufficient_scope"` },
    })
  }
  if (credential.scopes.has(needed)) return undefined
  return problem('scope_required', {
    detail: `The API key does not have the scope ${needed}.`,
    facts: { scope: needed },
    headers: {
      'www-authenticate': `${challenge}, error="insufficient_scope", scope="${needed}"`,
    },
  })
}

const challenge = 'Bearer realm="tallystick"'
