/**
 * The face of mail: what a mail is, where it goes, and the words of those that the bank sends.
 *
 * A mail goes out by SMTP where there is a server for it, into a file of the data folder on the
 * embedded default, and nowhere else. It is plain text, so there is nothing in it to load or to run.
 */
import { createFolderTransport } from './folder.ts'
import type { MailTransport } from './message.ts'
import { createSmtpTransport } from './smtp.ts'

export type { Mail, MailText, MailTransport, SendOutcome } from './message.ts'
export {
  addressInUseMail,
  confirmationMail,
  noticeMail,
  noticeKinds,
  resetMail,
  type NoticeKind,
} from './texts.ts'

export type MailConfig =
  | { kind: 'smtp'; url: string; from: string }
  | { kind: 'folder'; directory: string; from: string }
  | { kind: 'none' }

/** `onWritten` is told the file of each mail that is written in place of being sent. */
export function createMailTransport(
  config: MailConfig,
  onWritten: (file: string) => void,
): MailTransport {
  if (config.kind === 'smtp') return createSmtpTransport(config)
  if (config.kind === 'folder') return createFolderTransport({ ...config, onWritten })
  return { send: async () => 'not_sent' }
}
