/** What a mail is, and what sends one. */

export interface MailText {
  /** ASCII, one line. */
  subject: string
  /** Plain text, lines ended by LF. */
  text: string
}

export interface Mail extends MailText {
  /** One address, without a name. */
  to: string
}

/**
 * `refused`: the mail server will never take a mail for this address. `not_sent`: there is nowhere to
 * send it. A failure that may pass is thrown.
 */
export type SendOutcome = 'sent' | 'refused' | 'not_sent'

export interface MailTransport {
  send(mail: Mail): Promise<SendOutcome>
}
