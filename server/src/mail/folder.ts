/**
 * Mail for a bank without a mail server: each is a file that any mail program opens, readable for its
 * owner only, since links in it are worth a password.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mail, MailTransport } from './message.ts'

export interface FolderOptions {
  directory: string
  from: string
  onWritten: (file: string) => void
}

export function createFolderTransport(options: FolderOptions): MailTransport {
  const { directory, from, onWritten } = options
  return {
    async send(mail) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const now = new Date()
      const time = now.toISOString().replaceAll(/[:.]/g, '-')
      const file = join(directory, `${time}-${randomBytes(4).toString('hex')}.eml`)
      // Written beside and moved into place: who watches the folder sees whole mails only.
      await writeFile(`${file}.unfinished`, messageOf(mail, from, now), { mode: 0o600, flag: 'wx' })
      await rename(`${file}.unfinished`, file)
      onWritten(file)
      return 'sent'
    },
  }
}

/** RFC 5322, with the text as it is: the subjects are ASCII and the addresses are checked. */
function messageOf({ to, subject, text }: Mail, from: string, now: Date): string {
  const headers = [
    `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ]
  return `${[...headers, '', ...text.split('\n')].join('\r\n')}\r\n`
}
