/**
 * What admins do to users: give and take roles, disable and enable, end sessions. Each is in force on
 * the next request on every server, and asking for what is so already changes nothing.
 */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problem } from '../../http/problem.ts'
import { staffRoles } from '../../http/roles.ts'
import type { Routes } from '../../http/route.ts'
import { idSchema, noContent, oneOf, problems } from '../../http/schema.ts'
import { present } from '../../kernel/assert.ts'
import { decodeId, type Uuid } from '../../kernel/ids.ts'
import type { UserAct, UserAdminStore, UserChange } from './admin-store.ts'
import { renderUser } from './render.ts'
import { UserSchema } from './schema.ts'

export interface UserAdminRoutesDependencies {
  admin: UserAdminStore
}

const userParams = Type.Object({ id: idSchema('user') })
const roleParams = Type.Object({
  id: idSchema('user'),
  role: oneOf(staffRoles, { description: 'Everyone is a `customer` and stays one' }),
})

export function createUserAdminRoutes({ admin }: UserAdminRoutesDependencies): Routes {
  async function change(request: FastifyRequest, idText: string, wanted: UserChange) {
    const outcome = await admin.change({ id: userIdOf(idText) }, wanted, actOf(request))
    if (outcome.kind === 'refused') throw problem(outcome.code)
    return renderUser(outcome.user)
  }

  return async (app) => {
    app.put(
      '/v1/users/:id/roles/:role',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'grantRole',
          tags: ['Administration'],
          summary: 'Give a user a role',
          description: 'For admins. In force on the next request; sessions go on after a refresh.',
          params: roleParams,
          response: { 200: UserSchema, ...problems('user_not_found', 'unavailable') },
        },
      },
      async (request) => {
        const { id, role } = request.params
        return await change(request, id, { kind: 'grant_role', role })
      },
    )

    app.delete(
      '/v1/users/:id/roles/:role',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'revokeRole',
          tags: ['Administration'],
          summary: 'Take a role from a user',
          description: 'For admins. In force on the next request. The last admin stays one.',
          params: roleParams,
          response: { 200: UserSchema, ...problems('user_not_found', 'last_admin', 'unavailable') },
        },
      },
      async (request) => {
        const { id, role } = request.params
        return await change(request, id, { kind: 'revoke_role', role })
      },
    )

    app.post(
      '/v1/users/:id/disable',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'disableUser',
          tags: ['Administration'],
          summary: 'Disable a user',
          description:
            'For admins. All sessions of the user end, and nobody can log in. Money can still be paid to them. The last admin stays enabled.',
          params: userParams,
          response: { 200: UserSchema, ...problems('user_not_found', 'last_admin', 'unavailable') },
        },
      },
      (request) => change(request, request.params.id, { kind: 'disable' }),
    )

    app.post(
      '/v1/users/:id/enable',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'enableUser',
          tags: ['Administration'],
          summary: 'Enable a disabled user',
          description: 'For admins. The user can log in again; ended sessions stay ended.',
          params: userParams,
          response: { 200: UserSchema, ...problems('user_not_found', 'unavailable') },
        },
      },
      (request) => change(request, request.params.id, { kind: 'enable' }),
    )

    app.delete(
      '/v1/users/:id/sessions',
      {
        config: { access: ['admin'] },
        schema: {
          operationId: 'endUserSessions',
          tags: ['Administration'],
          summary: 'End all sessions of a user',
          description: 'For admins. The user can log in again.',
          params: userParams,
          response: {
            204: noContent,
            ...problems('user_not_found', 'unavailable'),
          },
        },
      },
      async (request, reply) => {
        const isKnown = await admin.endSessions(userIdOf(request.params.id), actOf(request))
        if (!isKnown) throw problem('user_not_found')
        return reply.code(204).send()
      },
    )
  }
}

function userIdOf(text: string): Uuid {
  return present(decodeId('user', text), 'an id that fits its schema')
}

function actOf({ principal, id: requestId }: FastifyRequest): UserAct {
  return { actorId: principal.userId, origin: 'api', requestId }
}
