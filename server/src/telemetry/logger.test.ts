import { describe, expect, test } from 'vitest'
import { createLogger, type Logger } from './logger.ts'

function record(): { logger: Logger; text: () => string; lines: () => unknown[] } {
  const chunks: string[] = []
  const destination = { write: (chunk: string) => void chunks.push(chunk) }
  const { logger } = createLogger({ level: 'info', format: 'json', destination })
  return {
    logger,
    text: () => chunks.join(''),
    lines: () => chunks.map((chunk): unknown => JSON.parse(chunk)),
  }
}

describe('the log', () => {
  test.each([
    [{ authorization: 'Bearer s3cret' }],
    [{ headers: { authorization: 'Bearer s3cret', cookie: 's3cret' } }],
    [{ body: { password: 's3cret' } }],
    [{ config: { tokens: { key: 's3cret' } } }],
    [{ answer: { access_token: 's3cret' } }],
    [{ environment: { DATABASE_URL: 's3cret', TOKEN_SYMMETRIC_KEY: 's3cret' } }],
    [{ err: new Error('cannot reach postgresql://bank:s3cret@db/bank') }],
    [{ err: new Error('outer', { cause: new Error('Authorization: Bearer s3cret') }) }],
    [{ err: Object.assign(new Error('x'), { detail: 'Key (email)=(s3cret) exists' }) }],
    [{ err: 'postgresql://bank:s3cret@db/bank' }],
    [{ err: new Error('550 5.1.1 <s3cret@mail.example.com>: no such user') }],
    [{ err: new Error('550 no mailbox of zoë.s3cret+bank@bücher.example here') }],
    [{ err: 'rejected: s3cret@example.com,s3cret.two@example.org' }],
  ])('%j is written without its secret', (fields) => {
    const { logger, text } = record()
    logger.error(fields, 'it happened')
    expect(text()).toContain('it happened')
    expect(text()).not.toContain('s3cret')
  })

  test.each([
    ['PASETO v4', `v4.local.${'s3cret_-'.repeat(20)}`],
    ['PASETO v2', `v2.local.${'s3cret_-'.repeat(20)}`],
    ['JWT', `eyJhbGciOiJIUzI1NiJ9.${'s3cret_-'.repeat(10)}.${'s3cret_-'.repeat(5)}`],
    ['refresh token', `tsr_${'s3cret_-'.repeat(11)}`],
    ['API key', `tsk_${'s3cret_-'.repeat(8)}`],
  ])('a %s is in no text of an error, with or without the word bearer', (_, token) => {
    const { logger, text } = record()
    for (const message of [`Authorization: Bearer ${token}`, `bearer ${token},`, `got ${token}.`]) {
      logger.error({ err: new Error(message) })
      logger.error({ err: new Error('outer', { cause: new TypeError(message) }) })
      logger.error(new Error(message))
    }
    expect(text()).toContain('[redacted]')
    expect(text()).not.toContain('s3cret')
  })

  test.each([
    'cannot reach postgresql://bank@db.example.com:5432/bank',
    'at run (/app/node_modules/@fastify/cors/index.js:10:3)',
    'at run (/app/node_modules/.pnpm/pg@8.23.1/node_modules/pg/lib/client.js:10:3)',
    'user_01h455vb4pex5vsknk084sn02q is not there',
  ])('%s is written as it is', (message) => {
    const { logger, lines } = record()
    logger.error({ err: new Error(message) })
    expect(lines()).toMatchObject([{ err: { message } }])
  })

  test('an error is written with its type, code, message, stack and causes', () => {
    const { logger, lines } = record()
    const cause = Object.assign(new TypeError('inner'), { code: '40001' })
    logger.error({ err: new Error('outer', { cause }) })
    expect(lines()).toMatchObject([
      {
        level: 'error',
        err: {
          type: 'Error',
          message: 'outer',
          stack: expect.stringContaining('logger.test.ts'),
          cause: { type: 'TypeError', message: 'inner', code: '40001' },
        },
      },
    ])
  })

  test('lines below the level are not written', () => {
    const { logger, lines } = record()
    logger.debug('quiet')
    logger.info('loud')
    expect(lines()).toMatchObject([{ msg: 'loud', time: expect.stringMatching(/Z$/) }])
  })
})
