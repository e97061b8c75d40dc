/**
 * A part of the table of problems: what goes wrong with links that are mailed and with second factors.
 */
import type { ProblemKind } from './problem-kind.ts'

export const proofProblems = {
  challenge_invalid: {
    status: 401,
    title: 'The challenge counts no more',
    retry: 'never',
    explanation:
      'A challenge is answered once, within five minutes and with at most five tries. Log in again with your password.',
  },
  email_taken: {
    status: 409,
    title: 'The e-mail address is taken',
    retry: 'never',
    explanation:
      'Somebody else has confirmed this address since the mail was sent. It belongs to one user only.',
  },
  second_factor_exists: {
    status: 409,
    title: 'A second factor is on',
    retry: 'never',
    explanation: 'A user has one second factor. Turn it off before you make another one.',
  },
  second_factor_not_found: {
    status: 409,
    title: 'There is no second factor',
    retry: 'never',
    explanation: 'Make one with `POST /v1/users/me/second-factor`, and confirm it with a code.',
  },
  second_factor_code_incorrect: {
    status: 422,
    title: 'The code is not right',
    retry: 'new_key',
    explanation:
      'It is not the code that the app shows now, or it was used before: wait for the next one. At a login, `tries_left` says how many tries the challenge has left.',
  },
  mail_token_invalid: {
    status: 422,
    title: 'The link counts no more',
    retry: 'never',
    explanation:
      'A link in a mail counts once, for 15 minutes, and only while what it is about has not changed. Ask for a new mail.',
  },
} as const satisfies Record<string, ProblemKind>
