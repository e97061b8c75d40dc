/** What one measurement came to, and what it should have come to (issue goals, for 2 cores). */

export interface Figure {
  /** What is counted is the row's business: transfers, holds, reads. */
  perSecond?: number
  /** The same as multiples of the baselines of the round. */
  timesTpcb?: number
  timesSimplebank?: number
  p50Milliseconds?: number
  p99Milliseconds?: number
  /** A share of what the row names, such as the rate without delay. */
  ratio?: number
  mebibytes?: number
  seconds?: number
}

/** A limit on a figure, `undefined` where the figure was not measured. */
export interface Bound {
  words: string
  isMet: (figure: Figure) => boolean | undefined
}

export interface Goals {
  least: Bound
  goal: Bound
}

type Part = keyof Figure

function bound(words: string, part: Part, accept: (value: number) => boolean): Bound {
  return {
    words,
    isMet: (figure) => {
      const value = figure[part]
      return value === undefined ? undefined : accept(value)
    },
  }
}

/** At least that many times what TPC-B makes. */
export function timesTpcb(count: number): Bound {
  return bound(`${count} x TPC-B`, 'timesTpcb', (value) => value >= count)
}

export function ratioOf(share: number, of: string): Bound {
  return bound(`${Math.round(share * 100)} % of ${of}`, 'ratio', (value) => value >= share)
}

export function ratioUpTo(share: number): Bound {
  return bound(`up to ${Math.round(share * 100)} %`, 'ratio', (value) => value <= share)
}

export function p50(most: number): Bound {
  return bound(`p50 ${most} ms`, 'p50Milliseconds', (value) => value <= most)
}

export function p99(most: number): Bound {
  return bound(`p99 ${most} ms`, 'p99Milliseconds', (value) => value <= most)
}

export function mebibytes(most: number): Bound {
  return bound(`${most} MiB`, 'mebibytes', (value) => value <= most)
}

export function seconds(most: number): Bound {
  return bound(`${most} s`, 'seconds', (value) => value <= most)
}

export function both(first: Bound, second: Bound): Bound {
  return {
    words: `${first.words}, ${second.words}`,
    isMet(figure) {
      const [one, other] = [first.isMet(figure), second.isMet(figure)]
      return one === undefined || other === undefined ? undefined : one && other
    },
  }
}

/** `goal`, `least`, `MISSED`, or nothing where there are no goals or nothing to hold against them. */
export function verdictOf(figure: Figure, goals: Goals | undefined): string {
  const least = goals?.least.isMet(figure)
  if (goals === undefined || least === undefined) return ''
  if (!least) return 'MISSED'
  return goals.goal.isMet(figure) === true ? 'goal' : 'least'
}

const parts: readonly Part[] = [
  'perSecond',
  'timesTpcb',
  'timesSimplebank',
  'p50Milliseconds',
  'p99Milliseconds',
  'ratio',
  'mebibytes',
  'seconds',
]

/** The median of each part on its own. */
export function medianOf(figures: readonly Figure[]): Figure {
  const result: Figure = {}
  for (const part of parts) {
    const values = figures.map((figure) => figure[part]).filter((value) => value !== undefined)
    if (values.length > 0) result[part] = median(values)
  }
  return result
}

export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
