/** The table of the verdicts, as people read it. */
import type { Verdict } from './check.ts'

export interface Row {
  name: string
  verdict: Verdict
}

/** A head, a line for each row, and under it what is wrong with those that failed. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [
    ['check', 'tool and version', 'verdict'],
    ...rows.map(({ name, verdict }) => [name, verdict.tool, describe(verdict)]),
  ]
  const widths = [0, 1].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  const [head = '', ...body] = lines.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
  )
  const problems = rows.flatMap(({ name, verdict }) =>
    verdict.kind === 'failed'
      ? ['', `${name}:`, ...verdict.problems.map((text) => `  ${text}`)]
      : [],
  )
  return [head, `${rule}  -------`, ...body, ...problems].join('\n')
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'failed') return `FAILED: ${verdict.problems.length}`
  if (verdict.kind === 'skipped') return `skipped: ${verdict.reason}`
  return verdict.detail === undefined ? 'passed' : `passed: ${verdict.detail}`
}
