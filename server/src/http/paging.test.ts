import { describe, expect, it } from 'vitest'
import { encodeCursor, pageLimitDefault, parsePage } from './paging.ts'
import { ProblemError } from './problem.ts'

const scope = { list: 'accounts', userId: '01900000-0000-7000-8000-00000000000a' }
const cursor = encodeCursor('01900000-0000-7000-8000-0000000000ff', scope)

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    if (error instanceof ProblemError) return error.code
    throw error
  }
  return undefined
}

describe('parsePage', () => {
  it('gives back the position of the cursor', () => {
    expect(parsePage({ limit: 5, cursor }, scope)).toEqual({
      limit: 5,
      after: '01900000-0000-7000-8000-0000000000ff',
    })
  })

  it('begins at the start, with a usual limit, when nothing is asked for', () => {
    expect(parsePage({}, scope)).toEqual({ limit: pageLimitDefault, after: undefined })
  })

  it.each([
    ['another list', { ...scope, list: 'entries' }],
    ['another user', { ...scope, userId: '01900000-0000-7000-8000-00000000000b' }],
  ])('InvalidCursor: of %s', (_, other) => {
    expect(codeOf(() => parsePage({ cursor }, other))).toBe('invalid_cursor')
  })

  it('InvalidCursor: with any one character changed', () => {
    for (let index = 0; index < cursor.length; index += 1) {
      const changed = cursor.charAt(index) === 'A' ? 'B' : 'A'
      const tampered = cursor.slice(0, index) + changed + cursor.slice(index + 1)
      expect([tampered, codeOf(() => parsePage({ cursor: tampered }, scope))]).toEqual([
        tampered,
        'invalid_cursor',
      ])
    }
  })

  it.each(['', 'A', '=', `${cursor}=`, `${cursor}A`, ` ${cursor}`, '\0', 'x'.repeat(512)])(
    'InvalidCursor: %j',
    (text) => {
      expect(codeOf(() => parsePage({ cursor: text }, scope))).toBe('invalid_cursor')
    },
  )
})
