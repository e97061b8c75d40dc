/**
 * The job that sends a mail. It may run more than once for one request, so a reader may get a mail
 * twice; each has a link of its own, and using one makes the others of its purpose void.
 *
 * A mail that a stranger can cause carries a token, and an address gets few of those at a time.
 */
import { Value } from 'typebox/value'
import type { JobTask } from '../../jobs/jobs.ts'
import { assert } from '../../kernel/assert.ts'
import {
  addressInUseMail,
  confirmationMail,
  noticeMail,
  resetMail,
  type Mail,
  type MailText,
  type MailTransport,
} from '../../mail/mail.ts'
import { createLinkToken } from './link-token.ts'
import { MailRequestSchema, type MailRequest } from './mail-request.ts'
import type { LinkPurpose, MailReader, MailStore } from './store.ts'

export interface MailTaskDependencies {
  store: MailStore
  transport: MailTransport
  /** Where links lead, without a slash at the end. */
  publicUrl: string
  /** A mail that will never arrive. The address is in no log. */
  onUnsent: (facts: { userId: string; kind: string; reason: 'refused' | 'not_sent' }) => void
}

/** The pages that links lead to: see page-routes.ts. */
export const linkPaths = {
  email_confirmation: '/confirm-email',
  password_reset: '/reset-password',
} as const satisfies Record<LinkPurpose, string>

export function createMailTask(dependencies: MailTaskDependencies): JobTask {
  const { store, transport, publicUrl, onUnsent } = dependencies

  async function send(mail: Mail, about: { userId: string; kind: string }): Promise<void> {
    const reason = await transport.send(mail)
    if (reason !== 'sent') onUnsent({ ...about, reason })
  }

  async function sendLink({ reader, purpose, write, request }: LinkMail): Promise<void> {
    const { id: userId, email } = reader
    const { text, hash } = createLinkToken()
    if (!(await store.addToken({ hash, purpose, userId, email, request }))) return
    // After the hash sign: what a browser never sends to a server stands in no log of one.
    const link = `${publicUrl}${linkPaths[purpose]}#token=${text}`
    try {
      await send({ ...write(reader, link), to: email }, { userId, kind: purpose })
    } catch (error) {
      // The next try has a token of its own.
      await store.removeToken(hash)
      throw error
    }
  }

  async function sendConfirmation(userId: string): Promise<void> {
    const reader = await store.find(userId)
    if (reader === undefined || reader.emailVerified) return
    const holder = await store.findHolder(reader.email)
    await sendLink(
      holder === undefined
        ? { reader, purpose: 'email_confirmation', write: confirmationMail }
        : { reader: holder, purpose: 'password_reset', write: addressInUseMail },
    )
  }

  async function sendReset(email: string, requestId: string | undefined): Promise<void> {
    const reader = await store.findHolder(email)
    if (reader === undefined) return
    const request = { id: requestId ?? null }
    await sendLink({ reader, purpose: 'password_reset', write: resetMail, request })
  }

  async function sendNotice({
    notice,
    userId,
    email,
  }: Extract<MailRequest, { kind: 'notice' }>): Promise<void> {
    const reader = await store.find(userId)
    const to = email ?? (reader?.emailVerified ? reader.email : undefined)
    if (reader === undefined || to === undefined) return
    await send({ ...noticeMail(reader, notice), to }, { userId, kind: notice })
  }

  return async (payload) => {
    assert(Value.Check(MailRequestSchema, payload), 'a mail that was asked for in another form')
    if (payload.kind === 'email_confirmation') await sendConfirmation(payload.userId)
    else if (payload.kind === 'password_reset') {
      await sendReset(payload.email, payload.requestId)
    } else await sendNotice(payload)
  }
}

interface LinkMail {
  reader: MailReader
  purpose: LinkPurpose
  write: (reader: MailReader, link: string) => MailText
  /** Where somebody asked for a new password. */
  request?: { id: string | null }
}
