import { describe, expect, test } from 'vitest'
import { both, medianOf, p50, p99, ratioOf, timesTpcb, verdictOf, type Goals } from './figure.ts'
import { baselineLines, renderLines } from './report.ts'
import { isWhollyPosted } from './requests.ts'

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

test('a bulk is wholly posted when it ends with its last transfer and has no problem', () => {
  const posted = [0, 1].map((index) => ({ index, status: 'posted', transfer: {} }))
  const refused = { index: 1, status: 'refused', problem: {} }
  expect(isWhollyPosted(answer(posted), 2)).toBe(true)
  expect(isWhollyPosted(answer(posted), 3)).toBe(false)
  expect(isWhollyPosted(answer([posted[0], refused]), 2)).toBe(false)
})
