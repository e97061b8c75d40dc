/** The second factor of the user who asks: turning it on takes two steps, turning it off two proofs. */
import { problem } from '../../http/problem.ts'
import type { Routes } from '../../http/route.ts'
import { noContent, problems } from '../../http/schema.ts'
import {
  BeginSecondFactorSchema,
  ConfirmSecondFactorSchema,
  DisableSecondFactorSchema,
  RecoveryCodesSchema,
  RenewRecoveryCodesSchema,
  SecondFactorSchema,
  SecondFactorSecretSchema,
} from './schema.ts'
import type { FactorOutcome, SecondFactors } from './second-factor.ts'

export interface SecondFactorRoutesDependencies {
  secondFactors: SecondFactors
}

const path = '/v1/users/me/second-factor'
const tags = ['Second factor']

export function createSecondFactorRoutes({
  secondFactors,
}: SecondFactorRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      path,
      {
        schema: {
          operationId: 'getSecondFactor',
          tags,
          summary: 'Read whether a second factor is on',
          response: { 200: SecondFactorSchema },
        },
      },
      async (request) => {
        const { state, recoveryCodesLeft } = await secondFactors.read(request.principal.userId)
        return { state, recovery_codes_left: recoveryCodesLeft }
      },
    )

    app.post(
      path,
      {
        schema: {
          operationId: 'beginSecondFactor',
          tags,
          summary: 'Make a secret for an app',
          description:
            'The secret is for an app that shows codes by time (RFC 6238). It counts once a code has confirmed it; until then another one can be made in its place.',
          body: BeginSecondFactorSchema,
          response: {
            201: SecondFactorSecretSchema,
            ...problems('current_password_incorrect', 'second_factor_exists'),
          },
        },
      },
      async (request, reply) => {
        const { userId } = request.principal
        const { current_password: currentPassword } = request.body
        const { secret, url } = valueOf(await secondFactors.begin({ userId, currentPassword }))
        return reply.code(201).send({ secret, otpauth_url: url })
      },
    )

    app.post(
      `${path}/confirm`,
      {
        schema: {
          operationId: 'confirmSecondFactor',
          tags,
          summary: 'Turn the second factor on',
          description: 'With a code that the app shows. From now on a login needs a code as well.',
          body: ConfirmSecondFactorSchema,
          response: {
            200: RecoveryCodesSchema,
            ...problems(
              'second_factor_not_found',
              'second_factor_exists',
              'second_factor_code_incorrect',
            ),
          },
        },
      },
      async (request) => {
        const { userId } = request.principal
        const { code } = request.body
        const outcome = await secondFactors.confirm({ userId, code, requestId: request.id })
        return { recovery_codes: valueOf(outcome) }
      },
    )

    app.post(
      `${path}/recovery-codes`,
      {
        schema: {
          operationId: 'renewRecoveryCodes',
          tags,
          summary: 'Get new recovery codes',
          description: 'Those of before count no more.',
          body: RenewRecoveryCodesSchema,
          response: {
            200: RecoveryCodesSchema,
            ...problems('second_factor_not_found', 'second_factor_code_incorrect'),
          },
        },
      },
      async (request, reply) => {
        const { userId, username } = request.principal
        const { code } = request.body
        // Whoever found a token guesses at codes here as strangers do at a login.
        await reply.limitTries('second_factor', username)
        const change = { userId, code, requestId: request.id }
        const recoveryCodes = valueOf(await secondFactors.renewRecoveryCodes(change))
        await reply.triesSucceeded('second_factor', username)
        return { recovery_codes: recoveryCodes }
      },
    )

    app.post(
      `${path}/disable`,
      {
        schema: {
          operationId: 'disableSecondFactor',
          tags,
          summary: 'Turn the second factor off',
          description: 'It needs both, the password and a code.',
          body: DisableSecondFactorSchema,
          response: {
            204: noContent,
            ...problems(
              'current_password_incorrect',
              'second_factor_not_found',
              'second_factor_code_incorrect',
            ),
          },
        },
      },
      async (request, reply) => {
        const { userId, username } = request.principal
        const { current_password: currentPassword, code } = request.body
        await reply.limitTries('second_factor', username)
        const change = { userId, code, currentPassword, requestId: request.id }
        valueOf(await secondFactors.remove(change))
        await reply.triesSucceeded('second_factor', username)
        return reply.code(204).send()
      },
    )
  }
}

function valueOf<T>(outcome: FactorOutcome<T>): T {
  if (outcome.kind === 'refused') throw problem(outcome.code)
  return outcome.value
}
