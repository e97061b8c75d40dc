/**
 * Users: anyone signs up, everyone reads and changes their own, staff look others up. A role is
 * never given or taken here.
 */
import { Type } from 'typebox'
import { toList } from '../../http/list.ts'
import { parsePage } from '../../http/paging.ts'
import { problem, type ProblemError } from '../../http/problem.ts'
import { staffRoles } from '../../http/roles.ts'
import type { Routes } from '../../http/route.ts'
import { idSchema, listOf, oneOf, pageQuery, problems } from '../../http/schema.ts'
import { present } from '../../kernel/assert.ts'
import { decodeId, encodeId } from '../../kernel/ids.ts'
import { renderUser } from './render.ts'
import { CreateUserSchema, UpdateUserSchema, UserSchema } from './schema.ts'
import type { UserStore } from './store.ts'
import {
  emailLengthMax,
  findUserTextProblems,
  normalizeUsername,
  roles,
  type User,
  type UserText,
  userStatuses,
} from './user.ts'
import type { Users } from './users.ts'

export interface UserRoutesDependencies {
  users: Users
  store: UserStore
}

export function createUserRoutes({ users, store }: UserRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/users',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'createUser',
          tags: ['Users'],
          summary: 'Sign up',
          description:
            'The new user is a customer and can log in at once. A link that confirms the address is mailed to it.',
          body: CreateUserSchema,
          response: { 201: UserSchema, ...problems('username_taken') },
        },
      },
      async (request, reply) => {
        const { username: typed, password, full_name: fullName, email } = request.body
        requireUserTexts({ fullName, password })
        const username = present(normalizeUsername(typed), 'a username that fits its schema')
        await reply.limitTries('sign_up')
        const profile = { username, fullName, email }
        const outcome = await users.create({ ...profile, password, roles: ['customer'] })
        if (outcome.kind === 'refused') throw problem(outcome.code)
        return reply.code(201).send(renderUser(outcome.user))
      },
    )

    app.get(
      '/v1/users/me',
      {
        config: { scope: 'profile:read' },
        schema: {
          operationId: 'getCurrentUser',
          tags: ['Users'],
          summary: 'Read who you are',
          response: { 200: UserSchema },
        },
      },
      async (request) => {
        const user = await store.find(request.principal.userId)
        if (user?.status !== 'active') throw noLongerAUser()
        return renderUser(user)
      },
    )

    app.patch(
      '/v1/users/me',
      {
        schema: {
          operationId: 'updateCurrentUser',
          tags: ['Users'],
          summary: 'Change your name, address or password',
          description:
            'Absent members stay as they are. A new `password` needs `current_password` beside it and ends all other sessions. A new `email` is not verified until its holder opens the link that is mailed to it.',
          body: UpdateUserSchema,
          response: { 200: UserSchema, ...problems('current_password_incorrect') },
        },
      },
      async (request, reply) => {
        const { userId, username, credential } = request.principal
        const { full_name: fullName, email, password: next, current_password } = request.body
        requireUserTexts({ fullName, password: next })
        const passwords = pairPasswords(current_password, next)
        const password = passwords && {
          ...passwords,
          sessionId: credential.kind === 'session' ? credential.id : undefined,
          requestId: request.id,
        }
        if ((await store.find(userId))?.status !== 'active') throw noLongerAUser()
        // Whoever found a token guesses at the password here as strangers do at a login.
        if (password) await reply.limitTries('login', username)
        const changes = { fullName, email, password, requestId: request.id }
        const outcome = await users.update(userId, changes)
        if (outcome.kind === 'updated') {
          if (password) await reply.triesSucceeded('login', username)
          return renderUser(outcome.user)
        }
        throw outcome.code === 'user_not_found' ? noLongerAUser() : problem(outcome.code)
      },
    )

    app.get(
      '/v1/users',
      {
        config: { access: staffRoles },
        schema: {
          operationId: 'listUsers',
          tags: ['Users'],
          summary: 'Look users up',
          description:
            'For staff. Newest first; with `username` or `email` only those of exactly that name or address, with `username_prefix` those whose name begins like that, in capitals or not.',
          querystring: Type.Object(
            {
              username: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
              email: Type.Optional(Type.String({ minLength: 1, maxLength: emailLengthMax })),
              username_prefix: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_]{1,64}$' })),
              role: Type.Optional(oneOf(roles)),
              status: Type.Optional(oneOf(userStatuses)),
              ...pageQuery,
            },
            { additionalProperties: false },
          ),
          response: { 200: listOf(UserSchema), ...problems('invalid_cursor') },
        },
      },
      async (request) => {
        const { username, email, username_prefix: prefix, role, status } = request.query
        const list = `users:${JSON.stringify([username, email, prefix, role, status])}`
        const scope = { list, userId: request.principal.userId }
        const { limit, after } = parsePage(request.query, scope)
        const before = after === undefined ? undefined : decodeId('user', after)
        if (after !== undefined && before === undefined) throw problem('invalid_cursor')
        const usernamePrefix = prefix?.toLowerCase()
        const exact = { username: username && normalizeUsername(username), email }
        const filter = { ...exact, usernamePrefix, role, status }
        // A name that nobody can have finds nobody, and is not the same as no filter.
        const isFindable = username === undefined || filter.username !== undefined
        const page = { ...filter, before, limit: limit + 1 }
        const rows = isFindable ? await store.list(page) : []
        return toList({ rows, limit, scope, position: positionOf, render: renderUser })
      },
    )

    app.get(
      '/v1/users/:id',
      {
        config: { access: staffRoles },
        schema: {
          operationId: 'getUser',
          tags: ['Users'],
          summary: 'Read a user',
          description: 'For staff.',
          params: Type.Object({ id: idSchema('user') }),
          response: { 200: UserSchema, ...problems('user_not_found') },
        },
      },
      async (request) => {
        const id = present(decodeId('user', request.params.id), 'an id that fits its schema')
        const user = await store.find(id)
        if (user === undefined) throw problem('user_not_found')
        return renderUser(user)
      },
    )
  }
}

function positionOf({ id }: User): string {
  return encodeId('user', id)
}

const pointers = {
  username: '/username',
  fullName: '/full_name',
  email: '/email',
  password: '/password',
} as const satisfies Record<keyof UserText, string>

/** Throws `validation_failed` for what a schema cannot judge. */
function requireUserTexts(text: UserText): void {
  const findings = findUserTextProblems(text)
  if (findings.length === 0) return
  const errors = findings.map(({ member, code, detail }) => {
    return { pointer: pointers[member], code, detail }
  })
  throw problem('validation_failed', { errors })
}

/** A new password and the current one come together or not at all. */
function pairPasswords(
  current: string | undefined,
  next: string | undefined,
): { current: string; next: string } | undefined {
  if (current !== undefined && next !== undefined) return { current, next }
  if (current === undefined && next === undefined) return undefined
  const pointer = current === undefined ? '/current_password' : '/password'
  const detail = 'a new password and the current one are sent together'
  throw problem('validation_failed', { errors: [{ pointer, code: 'required', detail }] })
}

/** The token is genuine, but its user may do nothing any more. */
function noLongerAUser(): ProblemError {
  return problem('token_invalid', {
    headers: { 'www-authenticate': 'Bearer realm="tallystick", error="invalid_token"' },
  })
}
