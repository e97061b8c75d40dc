import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startSmtpServer, type TestSmtpServer } from '../../../test/support/smtp.ts'
import {
  addressInUseMail,
  confirmationMail,
  createMailTransport,
  noticeKinds,
  noticeMail,
  resetMail,
} from './mail.ts'

const mail = {
  to: 'alice@example.com',
  subject: 'A subject',
  text: 'Grüße\n\nhttps://x/#token=1\n',
}
const from = 'Example Bank <bank@example.com>'
const ignore = () => undefined

function answer(responseCode: number): Error | undefined {
  return responseCode === 250 ? undefined : Object.assign(new Error('no'), { responseCode })
}

describe('by SMTP', () => {
  let server: TestSmtpServer | undefined

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  it('a mail arrives as it was written', async () => {
    server = await startSmtpServer()
    const transport = createMailTransport({ kind: 'smtp', url: server.url, from }, ignore)
    expect(await transport.send(mail)).toBe('sent')
    expect(server.mails).toEqual([
      {
        from: 'bank@example.com',
        to: ['alice@example.com'],
        subject: 'A subject',
        text: expect.stringContaining(mail.text),
      },
    ])
  })

  it('an address that the server refuses for good is not tried again', async () => {
    server = await startSmtpServer({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error('nobody here'), { responseCode: 550 })),
    })
    const transport = createMailTransport({ kind: 'smtp', url: server.url, from }, ignore)
    expect(await transport.send(mail)).toBe('refused')
  })

  it('a refusal that may pass, or one of the bank itself, is thrown', async () => {
    const codes = [
      { onRcptTo: 451, onMailFrom: 250 },
      { onRcptTo: 250, onMailFrom: 550 },
    ]
    for (const { onRcptTo, onMailFrom } of codes) {
      server = await startSmtpServer({
        onRcptTo: (_address, _session, callback) => callback(answer(onRcptTo)),
        onMailFrom: (_address, _session, callback) => callback(answer(onMailFrom)),
      })
      const transport = createMailTransport({ kind: 'smtp', url: server.url, from }, ignore)
      await expect(transport.send(mail)).rejects.toThrow('no')
      await server.close()
    }
  })

  it('a server that is not there is a failure that may pass', async () => {
    const closed = await startSmtpServer()
    await closed.close()
    const transport = createMailTransport({ kind: 'smtp', url: closed.url, from }, ignore)
    await expect(transport.send(mail)).rejects.toThrow('ECONNREFUSED')
  })

  it('a password is not sent in the clear to another machine', async () => {
    let didAuthenticate = false
    server = await startSmtpServer({
      onAuth(_auth, _session, callback) {
        didAuthenticate = true
        callback(null, { user: 'bank' })
      },
      allowInsecureAuth: true,
    })
    // This machine by a name that does not look like it.
    const url = server.url.replace('127.0.0.1', 'bank:secret@[::ffff:7f00:1]')
    const transport = createMailTransport({ kind: 'smtp', url, from }, ignore)
    await expect(transport.send(mail)).rejects.toThrow(/STARTTLS|TLS/)
    expect(didAuthenticate).toBe(false)
  })
})

describe('without a mail server', () => {
  let directory: string

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'tallystick-mail-')), 'mail')
  })

  afterEach(() => rm(join(directory, '..'), { recursive: true }))

  it('a mail is a file for its owner only, and the caller is told which', async () => {
    const written: string[] = []
    const config = { kind: 'folder', directory, from } as const
    const transport = createMailTransport(config, (file) => written.push(file))
    expect(await transport.send(mail)).toBe('sent')
    expect(await transport.send(mail)).toBe('sent')
    const names = await readdir(directory)
    expect(written.toSorted()).toEqual(names.map((name) => join(directory, name)).toSorted())
    expect(names).toHaveLength(2)
    const file = join(directory, names[0] ?? '')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const text = await readFile(file, 'utf8')
    expect(text).toContain('To: alice@example.com\r\nSubject: A subject\r\n')
    expect(text).toContain('\r\n\r\nGrüße\r\n\r\nhttps://x/#token=1\r\n')
  })

  it('and without a folder, nothing is sent', async () => {
    const transport = createMailTransport({ kind: 'none' }, ignore)
    expect(await transport.send(mail)).toBe('not_sent')
  })
})

describe('the texts', () => {
  const reader = { username: 'alice' }
  const link = 'https://bank.example/confirm-email#token=secret'
  const mails = [
    confirmationMail(reader, link),
    addressInUseMail(reader, link),
    resetMail(reader, link),
    ...noticeKinds.map((kind) => noticeMail(reader, kind)),
  ]

  it('have a subject in ASCII, say which user it is about, and have short lines', () => {
    for (const { subject, text } of mails) {
      expect(subject).toMatch(/^[\x20-\x7e]{5,60}$/)
      expect(text).toContain('alice')
      for (const line of text.split('\n')) expect(line.length).toBeLessThan(90)
    }
  })

  it('have their link on a line of its own', () => {
    for (const { text } of mails.slice(0, 3)) expect(text.split('\n')).toContain(link)
  })
})
