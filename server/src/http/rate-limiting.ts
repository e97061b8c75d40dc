/**
 * Rate limits as HTTP says them: 429 with Retry-After, and the RateLimit fields of the IETF's draft
 * (draft-ietf-httpapi-ratelimit-headers-10) on what is limited.
 *
 * Every request counts: on public routes for its address, else for its user or API key; and where it
 * is answered with 401, for its address. A token is judged before that, so that who has a good one
 * pays nothing for others behind the same address. One that is only too old is no failure: every
 * client meets that, and one address may be that of many. Besides, a handler says `await reply.limitTries('login', username)` before it tries something that strangers
 * could guess at, and `await reply.triesSucceeded('login', username)` when the guess was right.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type {
  LimitState,
  LimitVerdict,
  RateLimits,
  RequestClass,
  TryClass,
} from '../rate-limits/rate-limits.ts'
import type { LimitFailure } from './authentication.ts'
import { problem, type ProblemError } from './problem.ts'

export interface RateLimitDependencies {
  /** Nothing is limited without. */
  rateLimits?: Pick<RateLimits, 'consume' | 'succeed' | 'countRequest'>
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Counts a try of this request's address, on `account` where there is one, in one canonical form.
     * Throws the problem `rate_limited` when there were too many.
     */
    limitTries(name: TryClass, account?: string): Promise<void>
    /** To be said when that try was the owner's own: it is given back. */
    triesSucceeded(name: TryClass, account?: string): Promise<void>
  }
}

/** Adds the limits around authentication, which the hooks of `addAuthentication` do. */
export function addRateLimits(
  app: FastifyInstance,
  { rateLimits }: RateLimitDependencies,
  addAuthenticationHooks: (limitFailure?: LimitFailure) => void,
): void {
  app.decorateReply('limitTries', async function limitTries(this: FastifyReply, name, account) {
    const source = this.request.ip
    const verdict = await rateLimits?.consume(name, { source, account })
    const refusal = verdict && refuse(this, verdict)
    if (refusal !== undefined) throw refusal
  })
  app.decorateReply('triesSucceeded', async function succeed(this: FastifyReply, name, account) {
    await rateLimits?.succeed(name, { source: this.request.ip, account })
  })
  if (rateLimits === undefined) return addAuthenticationHooks()

  app.addHook('onRequest', (request, reply, done) => {
    const { access, isShedding } = request.routeOptions.config
    if (access !== 'public' || isShedding === false) return done()
    done(refuse(reply, rateLimits.countRequest('public', request.ip)))
  })
  addAuthenticationHooks((request, reply, code) =>
    code === 'token_expired'
      ? undefined
      : refuse(reply, rateLimits.countRequest('bad_token', request.ip)),
  )
  app.addHook('onRequest', (request, reply, done) => {
    const { access } = request.routeOptions.config
    if (access === 'public') return done()
    done(refuse(reply, rateLimits.countRequest(requestClass(request), subjectOf(request))))
  })
}

function requestClass({ method, routeOptions: { config } }: FastifyRequest): RequestClass {
  if (config.idempotencyKey === 'required') return 'money'
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write'
}

function subjectOf({ principal: { userId, credential } }: FastifyRequest): string {
  return credential.kind === 'api_key' ? `key ${credential.id}` : `user ${userId}`
}

function refuse(reply: FastifyReply, verdict: LimitVerdict): ProblemError | undefined {
  if (verdict.state === undefined) return undefined
  const fields = fieldsOf(verdict.state)
  if (verdict.isAllowed) {
    void reply.headers(fields)
    return undefined
  }
  const wait = String(seconds(verdict.waitMilliseconds))
  return problem('rate_limited', {
    detail: `The limit ${verdict.state.name} is used up. Try again in ${wait} s.`,
    facts: { limit: verdict.state.name },
    headers: { ...fields, 'retry-after': wait },
  })
}

function fieldsOf({ name, rate, remaining, fullMilliseconds }: LimitState) {
  return {
    'ratelimit-policy': `"${name}";q=${rate.count};w=${seconds(rate.periodMilliseconds)}`,
    ratelimit: `"${name}";r=${remaining};t=${seconds(fullMilliseconds)}`,
  }
}

/** Whole seconds, and never none: clients would ask again at once. */
function seconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000))
}
