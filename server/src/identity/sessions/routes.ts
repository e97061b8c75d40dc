/**
 * Sessions: logging in with a name and a password, staying logged in with refresh tokens, seeing
 * one's sessions and ending them. What has ended counts no more from the next request on.
 */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Principal } from '../../http/authentication.ts'
import { toList } from '../../http/list.ts'
import { parsePage } from '../../http/paging.ts'
import { problem } from '../../http/problem.ts'
import type { Routes } from '../../http/route.ts'
import { idSchema, listOf, noContent, pageQuery, problems } from '../../http/schema.ts'
import { assert, present } from '../../kernel/assert.ts'
import { decodeId, encodeId, type Uuid } from '../../kernel/ids.ts'
import { AnswerChallengeSchema, SecondFactorChallengeSchema } from '../second-factor/schema.ts'
import { renderUser } from '../users/render.ts'
import { normalizeUsername } from '../users/user.ts'
import {
  ActiveSessionSchema,
  CreateSessionSchema,
  RefreshSessionSchema,
  SessionSchema,
} from './schema.ts'
import type { Device, Sessions, SessionTokens } from './sessions.ts'
import type { SessionStore, StoredSession } from './store.ts'

export interface SessionRoutesDependencies {
  sessions: Sessions
  store: SessionStore
}

const userAgentLengthMax = 512
const challenge = { 'www-authenticate': 'Bearer realm="tallystick"' }

export function createSessionRoutes({ sessions, store }: SessionRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/sessions',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'createSession',
          tags: ['Sessions'],
          summary: 'Log in',
          description:
            'The access token goes into `Authorization: Bearer` of the requests that follow. A wrong password and a user that there is not give the same answer. A user with a second factor gets 202 and a challenge: a code is needed as well.',
          body: CreateSessionSchema,
          response: {
            201: SessionSchema,
            202: SecondFactorChallengeSchema,
            ...problems('credentials_invalid'),
          },
        },
      },
      async (request, reply) => {
        const account = normalizeUsername(request.body.username)
        await reply.limitTries('login', account)
        const outcome = await sessions.open({ ...request.body, ...deviceOf(request) })
        if (outcome.kind === 'refused') throw problem(outcome.code, { headers: challenge })
        await reply.triesSucceeded('login', account)
        if (outcome.kind === 'opened') return reply.code(201).send(renderTokens(outcome))
        // A challenge is good for some tries at a code, so it is challenges that are limited.
        await reply.limitTries('second_factor', account)
        const { text, expiresAt } = outcome.challenge
        const answer = { challenge: text, challenge_expires_at: expiresAt.toISOString() }
        return reply.code(202).send(answer)
      },
    )

    app.post(
      '/v1/sessions/second-factor',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'answerSecondFactorChallenge',
          tags: ['Sessions'],
          summary: 'Log in, the second step',
          description:
            'With the challenge of the first step, which counts for five minutes and five tries, and a code.',
          body: AnswerChallengeSchema,
          response: {
            201: SessionSchema,
            ...problems('challenge_invalid', 'second_factor_code_incorrect'),
          },
        },
      },
      async (request, reply) => {
        const outcome = await sessions.answer({ ...request.body, ...deviceOf(request) })
        if (outcome.kind === 'opened') {
          await reply.triesSucceeded('second_factor', outcome.user.username)
          return reply.code(201).send(renderTokens(outcome))
        }
        if (outcome.code === 'challenge_invalid')
          throw problem(outcome.code, { headers: challenge })
        throw problem(outcome.code, { facts: { tries_left: outcome.triesLeft } })
      },
    )

    app.post(
      '/v1/sessions/refresh',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'refreshSession',
          tags: ['Sessions'],
          summary: 'Get new tokens',
          description:
            'Gives a new access token and a new refresh token; the one that was sent counts no more. Sent again within ten seconds it gives the same new one, for an answer that was lost; after that, or once the new one was used, it ends the session.',
          body: RefreshSessionSchema,
          response: { 200: SessionSchema, ...problems('refresh_token_invalid') },
        },
      },
      async (request) => {
        const { refresh_token: refreshToken } = request.body
        const outcome = await sessions.refresh({ refreshToken, requestId: request.id })
        if (outcome.kind === 'refused') throw problem(outcome.code, { headers: challenge })
        return renderTokens(outcome)
      },
    )

    app.get(
      '/v1/sessions',
      {
        schema: {
          operationId: 'listSessions',
          tags: ['Sessions'],
          summary: 'List your sessions',
          description: 'Where you are logged in, newest first.',
          querystring: Type.Object(pageQuery, { additionalProperties: false }),
          response: { 200: listOf(ActiveSessionSchema), ...problems('invalid_cursor') },
        },
      },
      async (request) => {
        const { userId } = request.principal
        const scope = { list: 'sessions', userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('sess', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await store.list({ userId, before, limit: limit + 1 })
        const current = sessionOf(request.principal)
        const render = (row: StoredSession) => renderStored(row, current)
        return toList({ rows, limit, scope, position: positionOf, render })
      },
    )

    app.delete(
      '/v1/sessions',
      {
        schema: {
          operationId: 'endSessions',
          tags: ['Sessions'],
          summary: 'Log out everywhere',
          description: 'Ends all your sessions, the one that asks among them.',
          response: { 204: noContent },
        },
      },
      async (request, reply) => {
        const { userId } = request.principal
        await store.endAll({ userId, reason: 'logged_out', requestId: request.id })
        return reply.code(204).send()
      },
    )

    app.delete(
      '/v1/sessions/current',
      {
        schema: {
          operationId: 'endCurrentSession',
          tags: ['Sessions'],
          summary: 'Log out',
          description: 'Ends the session that asks: its tokens count no more.',
          response: { 204: noContent },
        },
      },
      async (request, reply) => {
        const { userId } = request.principal
        const sessionId = sessionOf(request.principal)
        // False when another request ended it meanwhile, which is as good.
        await store.end({ sessionId, userId, reason: 'logged_out', requestId: request.id })
        return reply.code(204).send()
      },
    )

    app.delete(
      '/v1/sessions/:id',
      {
        schema: {
          operationId: 'endSession',
          tags: ['Sessions'],
          summary: 'End one of your sessions',
          params: Type.Object({ id: idSchema('sess') }),
          response: { 204: noContent, ...problems('session_not_found') },
        },
      },
      async (request, reply) => {
        const { userId } = request.principal
        const id = decodeId('sess', request.params.id)
        const sessionId = present(id, 'an id that fits its schema')
        const end = { sessionId, userId, reason: 'logged_out', requestId: request.id } as const
        if (await store.end(end)) return reply.code(204).send()
        const ownerId = await store.ownerOf(sessionId)
        const isHidden = ownerId !== undefined && ownerId !== userId
        const hidden = isHidden ? ({ prefix: 'sess', id: sessionId } as const) : undefined
        throw problem('session_not_found', { hidden })
      },
    )
  }
}

function positionOf({ id }: StoredSession): string {
  return encodeId('sess', id)
}

/** These routes name no scope, so whoever comes here has a session. */
function sessionOf({ credential }: Principal): Uuid {
  assert(credential.kind === 'session', 'an API key has no session')
  return credential.id
}

function renderTokens(tokens: SessionTokens) {
  return {
    session_id: encodeId('sess', tokens.sessionId),
    access_token: tokens.accessToken,
    access_token_expires_at: tokens.accessTokenExpiresAt.toISOString(),
    refresh_token: tokens.refreshToken,
    refresh_token_expires_at: tokens.refreshTokenExpiresAt.toISOString(),
    user: renderUser(tokens.user),
  }
}

function renderStored(session: StoredSession, currentId: Uuid) {
  return {
    id: encodeId('sess', session.id),
    current: session.id === currentId,
    user_agent: session.userAgent,
    address: session.address,
    created_at: session.createdAt.toISOString(),
    refreshed_at: session.refreshedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
  }
}

function deviceOf(request: FastifyRequest): Device {
  return {
    userAgent: request.headers['user-agent']?.slice(0, userAgentLengthMax) ?? null,
    address: plainAddress(request.ip),
    requestId: request.id,
  }
}

/** The address without a zone. A proxy may have said anything: what is none is not recorded. */
function plainAddress(text: string): string | null {
  const address = text.replace(/%.*$/, '')
  return isIP(address) === 0 ? null : address
}
