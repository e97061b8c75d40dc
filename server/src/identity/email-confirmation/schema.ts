import { Type } from 'typebox'
import { named } from '../../http/schema.ts'
import { linkTokenPattern } from '../mails/link-token.ts'

export const linkTokenSchema = Type.String({
  pattern: linkTokenPattern,
  description: 'From the link in the mail, after `#token=`.',
  examples: ['q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'],
})

/** 202: what was asked for follows, and there is nothing to say about it yet. */
export const accepted = Type.Unsafe<void>({ type: 'null', description: 'A mail follows' })

export const ConfirmEmailSchema = named(
  'ConfirmEmail',
  Type.Object({ token: linkTokenSchema }, { additionalProperties: false }),
)
