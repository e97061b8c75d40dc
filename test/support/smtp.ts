/** A real SMTP server on this machine, which keeps the mails that it is sent. */
import { once } from 'node:events'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  from: string
  to: string[]
  subject: string
  /** The decoded text. */
  text: string
}

export interface TestSmtpServer {
  url: string
  mails: readonly ReceivedMail[]
  /** Resolves with the mail of that number, counted from 1, once it has come. */
  mail(number: number): Promise<ReceivedMail>
  close(): Promise<void>
}

export async function startSmtpServer(options: SMTPServerOptions = {}): Promise<TestSmtpServer> {
  const mails: ReceivedMail[] = []
  const waiting: { number: number; resolve: (mail: ReceivedMail) => void }[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const mail = {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          ...parseMail(Buffer.concat(chunks).toString()),
        }
        mails.push(mail)
        callback()
        for (const { number, resolve } of waiting) if (number === mails.length) resolve(mail)
      })
    },
    ...options,
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  // Clients that are cut are part of the tests.
  server.on('error', () => undefined)
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    async mail(number) {
      const there = mails[number - 1]
      return there ?? (await new Promise((resolve) => waiting.push({ number, resolve })))
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function parseMail(source: string): { subject: string; text: string } {
  const [head = '', ...body] = source.split('\r\n\r\n')
  const headers = head.replaceAll(/\r\n[ \t]+/g, ' ')
  const subject = /^Subject: (.*)$/im.exec(headers)?.[1]?.trim() ?? ''
  const isQuotedPrintable = /^Content-Transfer-Encoding: quoted-printable\s*$/im.test(headers)
  const text = body.join('\r\n\r\n').replaceAll('\r\n', '\n')
  return { subject, text: isQuotedPrintable ? decodeQuotedPrintable(text) : text }
}

function decodeQuotedPrintable(text: string): string {
  const bytes = text
    .replaceAll(/=\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
