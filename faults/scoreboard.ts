/** The score of a run: one line per kind of fault, and the sum. */
import { table } from '../tools/table.ts'
import type { Entry } from './book.ts'
import type { Violation } from './violation.ts'

export interface Score {
  injected: number
  /** Instructions that were posted, and that the rules of money refused. */
  acknowledged: number
  refused: number
  /** Instructions that an answer or a cut line left open at some time. */
  unknown: number
  /** Those of them that have their one true outcome by now. */
  resolved: number
  lost: number
  doubled: number
  /** Every other word that was not kept. */
  wrong: number
  /** Instructions held against the database, answers, readings and balances compared, audits' checks. */
  checks: number
}

export interface RoundResult {
  fault: string
  /** The instructions of the round. */
  entries: readonly Pick<Entry, 'outcome' | 'wasUnknown'>[]
  violations: readonly Violation[]
  checks: number
}

export interface Scoreboard {
  add(result: RoundResult): void
  /** A fault that this machine cannot have. */
  skip(fault: string, reason: string): void
  readonly total: Score
  readonly scores: ReadonlyMap<string, Score>
  readonly skipped: ReadonlyMap<string, string>
  readonly violated: boolean
  /** For people. */
  render(): string
}

const zero: Score = {
  injected: 0,
  acknowledged: 0,
  refused: 0,
  unknown: 0,
  resolved: 0,
  lost: 0,
  doubled: 0,
  wrong: 0,
  checks: 0,
}

export function createScoreboard(): Scoreboard {
  const scores = new Map<string, Score>()
  const skipped = new Map<string, string>()

  function total(): Score {
    return [...scores.values()].reduce(plus, zero)
  }

  return {
    add(result) {
      scores.set(result.fault, plus(scores.get(result.fault) ?? zero, scoreOf(result)))
    },
    skip: (fault, reason) => void skipped.set(fault, reason),
    get total() {
      return total()
    },
    scores,
    skipped,
    get violated() {
      const { lost, doubled, wrong } = total()
      return lost + doubled + wrong > 0
    },
    render() {
      const names = [...scores.keys()].toSorted()
      const lines = [
        ['fault', ...Object.keys(zero)],
        ...names.map((name) => [name, ...cells(scores.get(name) ?? zero)]),
        ['all', ...cells(total())],
      ]
      const notes = [...skipped].map(([name, reason]) => `skipped ${name}: ${reason}`)
      return [table(lines), ...notes].join('\n')
    },
  }
}

function scoreOf({ entries, violations, checks }: RoundResult): Score {
  const count = (kind: Violation['kind']) => violations.filter((each) => each.kind === kind).length
  const unknown = entries.filter(({ wasUnknown }) => wasUnknown)
  return {
    injected: 1,
    acknowledged: entries.filter(({ outcome }) => outcome?.kind === 'posted').length,
    refused: entries.filter(({ outcome }) => outcome?.kind === 'refused').length,
    unknown: unknown.length,
    resolved: unknown.filter(({ outcome }) => outcome !== undefined).length,
    lost: count('lost'),
    doubled: count('doubled'),
    wrong: count('wrong'),
    checks,
  }
}

function plus(left: Score, right: Score): Score {
  return {
    injected: left.injected + right.injected,
    acknowledged: left.acknowledged + right.acknowledged,
    refused: left.refused + right.refused,
    unknown: left.unknown + right.unknown,
    resolved: left.resolved + right.resolved,
    lost: left.lost + right.lost,
    doubled: left.doubled + right.doubled,
    wrong: left.wrong + right.wrong,
    checks: left.checks + right.checks,
  }
}

function cells(score: Score): string[] {
  return Object.values(score).map((value) => Number(value).toLocaleString('en-US'))
}
