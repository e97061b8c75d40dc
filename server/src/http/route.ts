/**
 * What a module gives to the server: its routes, as a Fastify plugin that knows TypeBox.
 *
 *     export function createCurrencyRoutes({ currencies }: Deps): Routes {
 *       return async (app) => {
 *         app.get('/v1/currencies', { config: { access: 'public' }, schema: {...} }, async () => ...)
 *       }
 *     }
 *
 * Every route has an operationId, a tag and a summary. `config.access` says who may call it; the
 * default is any user with a valid token.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Scope } from './scopes.ts'

export type Routes = FastifyPluginAsyncTypebox

/** The roles that a user can have. Every user is a customer; the others are staff. */
export type Role = 'customer' | 'teller' | 'auditor' | 'admin'

/** `user`: anyone with a valid token (the default). A list: one of these roles. */
export type Access = 'public' | 'user' | readonly Role[]

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** What an API key needs to come here; without one, only an access token does. */
    scope?: Scope
    /** Says in the OpenAPI document that the handler reads the header. */
    idempotencyKey?: 'required' | 'optional'
    /** Whether no body at all is the same as `{}`. */
    isBodyOptional?: boolean
    /** False for what must be answered also under too much load. */
    isShedding?: boolean
  }
}
