/**
 * A mail as it is asked for, in the tx of its cause. Whom it goes to and what it says is found out
 * when it is sent: so a request for a password says nothing about whether anyone has the address,
 * and a link exists nowhere but in its mail.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { Type, type Static } from 'typebox'
import type { DB } from '../../database/schema.generated.ts'
import { oneOf } from '../../http/schema.ts'
import type { NewJob } from '../../jobs/jobs.ts'
import { noticeKinds } from '../../mail/mail.ts'

const userId = Type.String()

export const MailRequestSchema = Type.Union([
  Type.Object({ kind: Type.Literal('email_confirmation'), userId }),
  Type.Object({
    kind: Type.Literal('password_reset'),
    email: Type.String(),
    /** Who asked, for the audit trail. */
    requestId: Type.Optional(Type.String()),
  }),
  Type.Object({
    kind: Type.Literal('notice'),
    notice: oneOf(noticeKinds),
    userId,
    /** The address of before, of which the mail is about. The confirmed one where it is absent. */
    email: Type.Optional(Type.String()),
  }),
])

export type MailRequest = Static<typeof MailRequestSchema>

/** Asks for a mail: it is sent exactly if the tx commits, once or, after a failure, more than once. */
export type QueueMail = (tx: Kysely<DB>, request: MailRequest) => Promise<void>

export const mailTaskName = 'send_mail'

export function createMailQueue(addJob: (tx: Kysely<DB>, job: NewJob) => Promise<void>): QueueMail {
  return (tx, request) =>
    addJob(tx, { task: mailTaskName, payload: request, key: `mail:${keyOf(request)}` })
}

/** Whoever asks again before the first mail is out gets one. */
function keyOf(request: MailRequest): string {
  switch (request.kind) {
    case 'email_confirmation':
      return `${request.kind}:${request.userId}`
    case 'password_reset': {
      const address = createHash('sha256').update(request.email.toLowerCase())
      return `${request.kind}:${address.digest('hex')}`
    }
    default:
      return `${request.notice}:${request.userId}:${request.email ?? ''}`
  }
}
