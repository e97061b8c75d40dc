/** Confirming an e-mail address with the token of a mailed link. */
import { problem } from '../../http/problem.ts'
import type { Routes } from '../../http/route.ts'
import { noContent, problems } from '../../http/schema.ts'
import { hashLinkToken } from '../mails/link-token.ts'
import { accepted, ConfirmEmailSchema } from './schema.ts'
import type { EmailConfirmationStore } from './store.ts'

export interface EmailConfirmationRoutesDependencies {
  store: EmailConfirmationStore
}

export function createEmailConfirmationRoutes({
  store,
}: EmailConfirmationRoutesDependencies): Routes {
  return async (app) => {
    app.post(
      '/v1/users/me/email-confirmations',
      {
        schema: {
          operationId: 'requestEmailConfirmation',
          tags: ['Users'],
          summary: 'Get the mail that confirms your address again',
          description:
            'A link that counts for 15 minutes is mailed to your address, unless it is confirmed. Signing up and changing the address send this mail as well.',
          response: { 202: accepted },
        },
      },
      async (request, reply) => {
        await store.request(request.principal.userId)
        return reply.code(202).send()
      },
    )

    app.post(
      '/v1/email-confirmations',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'confirmEmail',
          tags: ['Users'],
          summary: 'Confirm an address',
          description: 'With the token of the link that was mailed to it. A token counts once.',
          body: ConfirmEmailSchema,
          response: { 204: noContent, ...problems('mail_token_invalid', 'email_taken') },
        },
      },
      async (request, reply) => {
        const outcome = await store.confirm(hashLinkToken(request.body.token), request.id)
        if (outcome !== 'confirmed') throw problem(outcome)
        return reply.code(204).send()
      },
    )
  }
}
