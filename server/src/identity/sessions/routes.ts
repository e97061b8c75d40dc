/** Sessions: logging in with a name and a password gives an access token. */
import { isIP } from 'node:net'
import { problem } from '../../http/problem.ts'
import type { Routes } from '../../http/route.ts'
import { problems } from '../../http/schema.ts'
import { encodeId } from '../../kernel/ids.ts'
import { renderUser } from '../users/render.ts'
import { CreateSessionSchema, SessionSchema } from './schema.ts'
import type { Sessions } from './sessions.ts'

export interface SessionRoutesDependencies {
  sessions: Sessions
}

const userAgentLengthMax = 512

export function createSessionRoutes({ sessions }: SessionRoutesDependencies): Routes {
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
            'The access token goes into `Authorization: Bearer` of the requests that follow. A wrong password and a user that there is not give the same answer.',
          body: CreateSessionSchema,
          response: { 201: SessionSchema, ...problems('credentials_invalid') },
        },
      },
      async (request, reply) => {
        const outcome = await sessions.open({
          ...request.body,
          userAgent: request.headers['user-agent']?.slice(0, userAgentLengthMax) ?? null,
          address: plainAddress(request.ip),
        })
        if (outcome.kind === 'refused') {
          const headers = { 'www-authenticate': 'Bearer realm="tallystick"' }
          throw problem(outcome.code, { headers })
        }
        return reply
          .code(201)
          .header('cache-control', 'no-store')
          .send({
            session_id: encodeId('sess', outcome.sessionId),
            access_token: outcome.accessToken,
            access_token_expires_at: outcome.accessTokenExpiresAt.toISOString(),
            user: renderUser(outcome.user),
          })
      },
    )
  }
}

/** The address without a zone. A proxy may have said anything: what is none is not recorded. */
function plainAddress(text: string): string | null {
  const address = text.replace(/%.*$/, '')
  return isIP(address) === 0 ? null : address
}
