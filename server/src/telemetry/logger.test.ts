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
  ])('%j is written without its secret', (fields) => {
    const { logger, text } = record()
    logger.error(fields, 'it happened')
    expect(text()).toContain('it happened')
    expect(text()).not.toContain('s3cret')
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
