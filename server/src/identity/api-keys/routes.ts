/**
 * API keys: a user makes them for the own things, an admin for anyone. They are made, listed and
 * revoked by people only, with the access token of a session: no key makes another.
 */
import { Type } from 'typebox'
import { toList } from '../../http/list.ts'
import { parsePage } from '../../http/paging.ts'
import { problem } from '../../http/problem.ts'
import type { Role, Routes } from '../../http/route.ts'
import { idSchema, listOf, noContent, pageQuery, problems } from '../../http/schema.ts'
import { requireCleanText } from '../../http/text.ts'
import { present } from '../../kernel/assert.ts'
import { decodeId, encodeId, type Uuid } from '../../kernel/ids.ts'
import { createApiKeyText } from './api-key.ts'
import { ApiKeySchema, CreateApiKeySchema, NewApiKeySchema } from './schema.ts'
import { apiKeysPerUserMax, type ApiKey, type ApiKeyStore } from './store.ts'

export interface ApiKeyRoutesDependencies {
  store: ApiKeyStore
  nextId: () => Uuid
}

interface Asker {
  principal: { userId: Uuid }
  roles(): Promise<ReadonlySet<Role>>
}

export function createApiKeyRoutes({ store, nextId }: ApiKeyRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/api-keys',
      {
        schema: {
          operationId: 'createApiKey',
          tags: ['API keys'],
          summary: 'Make an API key',
          description:
            'For programs: it goes into `Authorization: Bearer` in place of an access token and acts on behalf of its user, within its scopes. An idempotency key belongs to the user, so it survives a change of keys. An admin may make one for another user.',
          body: CreateApiKeySchema,
          response: {
            201: NewApiKeySchema,
            ...problems('role_required', 'user_not_found', 'too_many_api_keys'),
          },
        },
      },
      async (request, reply) => {
        const { name, scopes, expires_in: expiresInSeconds = null } = request.body
        requireCleanText({ pointer: '/name', value: name, codePointsMax: 100 })
        const userId = await subjectOf(request, request.body.user_id)
        const { text, id, hash } = createApiKeyText(nextId())
        const by = { createdBy: request.principal.userId, requestId: request.id }
        const key = await store.insert({ id, userId, name, hash, scopes, expiresInSeconds, ...by })
        if (key === 'too_many_api_keys') throw problem(key, { facts: { limit: apiKeysPerUserMax } })
        if (key === 'user_not_found') throw problem(key)
        const { last_used_at: _, revoked_at: __, ...fixed } = render(key)
        return reply.code(201).send({ ...fixed, key: text })
      },
    )

    app.get(
      '/v1/api-keys',
      {
        schema: {
          operationId: 'listApiKeys',
          tags: ['API keys'],
          summary: 'List API keys',
          description:
            'Yours, newest first, with those that were revoked or have expired; for an admin also those of the user `user_id`. `last_used_at` is to the minute.',
          querystring: Type.Object(
            { user_id: Type.Optional(idSchema('user')), ...pageQuery },
            { additionalProperties: false },
          ),
          response: { 200: listOf(ApiKeySchema), ...problems('role_required', 'invalid_cursor') },
        },
      },
      async (request) => {
        const userId = await subjectOf(request, request.query.user_id)
        const scope = { list: `api-keys:${userId}`, userId: request.principal.userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('key', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const rows = await store.list({ userId, before, limit: limit + 1 })
        return toList({ rows, limit, scope, position: positionOf, render })
      },
    )

    app.delete(
      '/v1/api-keys/:id',
      {
        schema: {
          operationId: 'revokeApiKey',
          tags: ['API keys'],
          summary: 'Revoke an API key',
          description:
            'It counts no more from the next request on. An admin may revoke that of another user.',
          params: Type.Object({ id: idSchema('key') }),
          response: { 204: noContent, ...problems('api_key_not_found') },
        },
      },
      async (request, reply) => {
        const id = present(decodeId('key', request.params.id), 'an id that fits its schema')
        const { userId: revokedBy } = request.principal
        const ofUserId = (await request.roles()).has('admin') ? undefined : revokedBy
        if (await store.revoke({ id, ofUserId, revokedBy, requestId: request.id })) {
          return reply.code(204).send()
        }
        // One that is there was not found because it is somebody else's.
        const hidden = (await store.exists(id)) ? ({ prefix: 'key', id } as const) : undefined
        throw problem('api_key_not_found', { hidden })
      },
    )
  }
}

/** Whose keys are meant: the principal's own, or for an admin those of anyone. */
async function subjectOf(request: Asker, named: string | undefined): Promise<Uuid> {
  const { userId } = request.principal
  if (named === undefined) return userId
  const subject = present(decodeId('user', named), 'an id that fits its schema')
  if (subject !== userId && !(await request.roles()).has('admin')) {
    throw problem('role_required', { facts: { roles: ['admin'] } })
  }
  return subject
}

function positionOf({ id }: ApiKey): string {
  return encodeId('key', id)
}

function render(key: ApiKey) {
  return {
    id: encodeId('key', key.id),
    user_id: encodeId('user', key.userId),
    name: key.name,
    scopes: [...key.scopes],
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  }
}
