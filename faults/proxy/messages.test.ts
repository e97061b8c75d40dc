import { describe, expect, test } from 'vitest'
import { createExchangeReader, isCommit, type Request } from './exchanges.ts'
import {
  createMessageReader,
  errorMessage,
  isEncryptionRequest,
  isStartup,
  queryMessage,
  startupParameter,
} from './messages.ts'

function typed(type: string, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

function untyped(code: number, text = ''): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + text.length, 0)
  head.writeInt32BE(code, 4)
  return Buffer.concat([head, Buffer.from(text)])
}

const startup = untyped(196_608, 'user\0teller\0application_name\0tallystick ledger\0\0')
const parse = (name: string, text: string) => typed('P', `${name}\0${text}\0`, [0, 0])
const sync = typed('S')

function useOf(name: string): Buffer[] {
  const bind = typed('B', `\0${name}\0`, [0, 0, 0, 0, 0, 0])
  return [bind, typed('D', 'P\0'), typed('E', '\0', [0, 0, 0, 0]), sync]
}

/** What a client of the ledger sends: a login, a first batch, a second with what was prepared. */
const session = [
  untyped(80_877_103),
  startup,
  typed('p', 'md5 of something\0'),
  queryMessage('begin isolation level read committed; set local lock_timeout = 2000'),
  parse('lock', 'select 1 for no key update'),
  ...useOf('lock'),
  queryMessage('commit'),
  ...useOf('lock'),
  queryMessage('commit'),
  typed('X'),
]
const requests = [
  'begin isolation level read committed; set local lock_timeout = 2000',
  'prepares select 1 for no key update',
  'commit',
  'select 1 for no key update',
  'commit',
]

function cut(bytes: Buffer, length: number): Buffer[] {
  const count = Math.ceil(bytes.length / length)
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  )
}

function readAll(chunks: readonly Buffer[]): { texts: string[]; bytes: Buffer } {
  const read = createMessageReader({ startup: true })
  const readExchange = createExchangeReader()
  const passed: Buffer[] = []
  const texts: string[] = []
  for (const message of chunks.flatMap(read)) {
    const request: Request | undefined =
      message.type === '' ? { kind: 'aside', bytes: message.bytes } : readExchange(message)
    if (request) passed.push(request.bytes)
    if (request?.kind === 'exchange') {
      texts.push(`${request.prepares ? 'prepares ' : ''}${request.text}`)
    }
  }
  return { texts, bytes: Buffer.concat(passed) }
}

describe('the messages of a client', () => {
  const whole = Buffer.concat(session)

  test.each([1, 2, 3, 5, 7, 16, 64, 1000])(
    'in chunks of %i bytes are the same exchanges, and not a byte is lost',
    (length) => {
      expect(readAll(cut(whole, length))).toEqual({ texts: requests, bytes: whole })
    },
  )

  test('cut in two at every place are the same exchanges', () => {
    for (let at = 0; at <= whole.length; at += 1) {
      expect(readAll([whole.subarray(0, at), whole.subarray(at)]).texts).toEqual(requests)
    }
  })

  test('are refused when they are not of the protocol', () => {
    const read = createMessageReader({ startup: true })
    expect(() => read(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow('not the protocol')
  })

  test('up to a flush go on at once, since their client waits for the answers', () => {
    const readExchange = createExchangeReader()
    const read = createMessageReader({ startup: false })
    const [first, flush, last] = read(Buffer.concat([parse('', 'select 1'), typed('H'), sync]))
    if (!first || !flush || !last) throw new Error('three messages were sent')
    expect(readExchange(first)).toBeUndefined()
    expect(readExchange(flush)).toMatchObject({ kind: 'aside' })
    expect(readExchange(last)).toMatchObject({ kind: 'exchange', text: '' })
  })
})

test('the startup message is told from what may come before it, and its parameters are read', () => {
  const read = createMessageReader({ startup: true })
  const [request, start, query] = read(
    Buffer.concat([untyped(80_877_104), startup, queryMessage('select 1')]),
  )
  if (!request || !start || !query) throw new Error('three messages were sent')
  expect([request, start, query].map(isEncryptionRequest)).toEqual([true, false, false])
  expect([request, start, query].map(isStartup)).toEqual([false, true, false])
  expect(startupParameter(start, 'application_name')).toBe('tallystick ledger')
  expect(startupParameter(start, 'database')).toBeUndefined()
})

test.each([
  ['commit', true],
  [' COMMIT;', true],
  ['begin isolation level read committed', false],
  ['committed', false],
])('whether "%s" is a COMMIT: %s', (text, expected) => {
  expect(isCommit({ text, bytes: Buffer.alloc(0), prepares: false })).toBe(expected)
})

test('an error of the proxy has the fields of one of the database', () => {
  const [message] = createMessageReader({ startup: false })(errorMessage('ERROR', '40P01', 'oh'))
  expect(message).toMatchObject({ type: 'E' })
  expect(message?.body.toString()).toBe('SERROR\0VERROR\0C40P01\0Moh\0\0')
})
