/**
 * A new password for who has forgotten the old one. Asking for it does the same for every address,
 * so that neither the answer nor its time tells whether the bank knows it.
 */
import { problem } from '../../http/problem.ts'
import type { Routes } from '../../http/route.ts'
import { noContent, problems } from '../../http/schema.ts'
import { accepted } from '../email-confirmation/schema.ts'
import { hashLinkToken } from '../mails/link-token.ts'
import { passwordRefusalDetail, refusePassword } from '../passwords/password.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { RequestPasswordResetSchema, ResetPasswordSchema } from './schema.ts'
import type { PasswordResetStore } from './store.ts'

export interface PasswordResetRoutesDependencies {
  store: PasswordResetStore
  passwords: Passwords
}

export function createPasswordResetRoutes({
  store,
  passwords,
}: PasswordResetRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/password-resets',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'requestPasswordReset',
          tags: ['Sessions'],
          summary: 'Ask for a new password',
          description:
            'Who has confirmed this address is mailed a link that counts for 15 minutes. The answer is the same for every address.',
          body: RequestPasswordResetSchema,
          response: { 202: accepted },
        },
      },
      async (request, reply) => {
        const { email } = request.body
        await reply.limitTries('password_reset', email.toLowerCase())
        await store.request(email, request.id)
        return reply.code(202).send()
      },
    )

    app.post(
      '/v1/password-resets/confirm',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'resetPassword',
          tags: ['Sessions'],
          summary: 'Set a new password',
          description:
            'With the token of the link that was mailed. A token counts once. All sessions of the user end.',
          body: ResetPasswordSchema,
          response: { 204: noContent, ...problems('mail_token_invalid') },
        },
      },
      async (request, reply) => {
        const { token, password } = request.body
        requireGoodPassword(password)
        await reply.limitTries('password_reset')
        const hash = hashLinkToken(token)
        // Hashing a password is dear: nobody gets it done for a token that they made up.
        if (!(await store.isUsable(hash))) throw problem('mail_token_invalid')
        const isReset = await store.reset(hash, await passwords.hash(password), request.id)
        if (!isReset) throw problem('mail_token_invalid')
        return reply.code(204).send()
      },
    )
  }
}

function requireGoodPassword(password: string): void {
  const code = refusePassword(password)
  if (code === undefined) return
  const errors = [{ pointer: '/password', code, detail: passwordRefusalDetail[code] }]
  throw problem('validation_failed', { errors })
}
