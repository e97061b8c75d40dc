import { describe, expect, it } from 'vitest'
import { pauseAfter } from './scheduled-audit.ts'

describe('the pause after a chunk', () => {
  it.each([
    ['a third of one core while the server is idle', 0, 200],
    ['less as the server has more to do', 0.5, 1050],
    ['a twentieth of one core while it is busy', 1, 1900],
  ])('leaves the audit %s', (_, utilization, expected) => {
    expect(pauseAfter(100, utilization)).toBe(expected)
  })
})
