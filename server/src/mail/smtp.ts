/**
 * Mail by SMTP: one connection per mail, since the bank sends few. A password never goes over a line
 * in the clear: with one in the URL, TLS is required, but on this machine.
 */
import { createTransport } from 'nodemailer'
import type { MailTransport } from './message.ts'

export interface SmtpOptions {
  /** `smtp://` (STARTTLS where it is offered) or `smtps://`. */
  url: string
  from: string
}

// One after the other they stay within the minute that a job has.
const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 }

export function createSmtpTransport({ url, from }: SmtpOptions): MailTransport {
  const { password, hostname } = new URL(url)
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  const requireTLS = password !== '' && !isLocal
  return {
    async send(mail) {
      const transport = createTransport({
        url,
        ...timeouts,
        requireTLS,
        // Nothing in a mail is read from a file or fetched.
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: mail.to },
          subject: mail.subject,
          text: mail.text,
          // RFC 3834: no answers from robots on holiday.
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return 'sent'
      } catch (error) {
        if (isRefusedForGood(error)) return 'refused'
        throw error
      } finally {
        transport.close()
      }
    },
  }
}

/** 5xx for the recipient (RFC 5321, section 4.2.1). Other refusals are about this bank, and may end. */
function isRefusedForGood(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('command' in error)) return false
  const { responseCode, command } = error
  return command === 'RCPT TO' && typeof responseCode === 'number' && responseCode >= 500
}
