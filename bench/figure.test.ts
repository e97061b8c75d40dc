import { describe, expect, test } from 'vitest'
import { both, medianOf, p50, p99, ratioOf, timesTpcb, verdictOf, type Goals } from './figure.ts'
import { baselineLines, renderLines } from './report.ts'
import { bulkCheck } from './requests.ts'

describe('a verdict', () => {
  const goals: Goals = { least: timesTpcb(3), goal: timesTpcb(4) }

  test.each([
    [2.99, 'MISSED'],
    [3, 'least'],
    [3.99, 'least'],
    [4, 'goal'],
  ])('%d times TPC-B of 3 at least and 4 as the goal: %s', (count, verdict) => {
    expect(verdictOf({ timesTpcb: count }, goals)).toBe(verdict)
  })

  test('needs goals and the figure that they are about', () => {
    expect(verdictOf({ timesTpcb: 1 }, undefined)).toBe('')
    expect(verdictOf({ perSecond: 1 }, goals)).toBe('')
  })

  test('of two bounds wants both', () => {
    const pair: Goals = { least: p99(15), goal: both(p50(3), p99(10)) }
    expect(verdictOf({ p50Milliseconds: 3, p99Milliseconds: 10 }, pair)).toBe('goal')
    expect(verdictOf({ p50Milliseconds: 4, p99Milliseconds: 10 }, pair)).toBe('least')
    expect(verdictOf({ p50Milliseconds: 3, p99Milliseconds: 16 }, pair)).toBe('MISSED')
  })
})

test('a median is taken of each part on its own', () => {
  const rounds = [{ perSecond: 3, ratio: 0.1 }, { perSecond: 1, ratio: 0.3 }, { perSecond: 2 }]
  expect(medianOf(rounds)).toEqual({ perSecond: 2, ratio: 0.3 })
})

test('the report shows what was missed', () => {
  const goals: Goals = { least: ratioOf(0.8, 'empty'), goal: ratioOf(0.9, 'empty') }
  const baselines = baselineLines([{ tpcb: 2000, simplebank: 1000, pgbench: undefined }])
  const lines = [...baselines, { title: 'full', figure: { perSecond: 1234.5, ratio: 0.7 }, goals }]
  const text = renderLines(lines)
  expect(text).toMatch(/^simplebank.* 1,000 +0\.50 +1\.00 *$/m)
  expect(text).toMatch(/^full +1,235 +70 % +80 % of empty +90 % of empty +MISSED$/m)
})

function answer(outcomes: unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ outcomes }))
}

test.each([1, 3, 7, 1000])(
  'a bulk whose answer comes in pieces of %i bytes is checked',
  (length) => {
    const posted = [0, 1].map((index) => ({ index, status: 'posted', transfer: {} }))
    const refused = { index: 1, status: 'refused', problem: {} }
    const check = (outcomes: unknown[], size: number) => () => {
      const { onPiece, onAnswer } = bulkCheck(size)
      const bytes = answer(outcomes)
      for (let at = 0; at < bytes.length; at += length) onPiece(bytes.subarray(at, at + length), 0)
      onAnswer(Buffer.alloc(0), 0)
    }
    expect(check(posted, 2)).not.toThrow()
    expect(check(posted, 3)).toThrow('not all its outcomes')
    expect(check([posted[0], refused], 2)).toThrow('not posted')
  },
)
