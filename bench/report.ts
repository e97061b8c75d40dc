/** The table that `npm run bench` prints: what was measured, what it had to be, and the verdict. */
import { table } from '../tools/table.ts'
import type { Baselines } from './baselines.ts'
import { median, verdictOf, type Figure, type Goals } from './figure.ts'

export interface ReportLine {
  title: string
  figure: Figure
  goals?: Goals | undefined
}

/** The baselines as lines of the same table; nothing when none were measured. */
export function baselineLines(rounds: readonly Baselines[]): ReportLine[] {
  if (rounds.length === 0) return []
  const [tpcb, simplebank] = [
    median(rounds.map((baselines) => baselines.tpcb)),
    median(rounds.map((baselines) => baselines.simplebank)),
  ]
  const line = (title: string, perSecond: number): ReportLine => ({
    title,
    figure: {
      perSecond,
      timesTpcb: perSecond / tpcb,
      timesSimplebank: perSecond / simplebank,
    },
  })
  const real = rounds.map(({ pgbench }) => pgbench).filter((value) => value !== undefined)
  return [
    line('TPC-B statements, same driver, 32 connections', tpcb),
    line('simplebank transfer, same driver, 32 connections', simplebank),
    ...(real.length > 0 ? [line('pgbench itself, 32 connections', median(real))] : []),
  ]
}

function cell(value: number | undefined, digits: number): string {
  if (value === undefined) return ''
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

function otherCell({ ratio, mebibytes, seconds }: Figure): string {
  const parts = [
    ratio === undefined ? '' : `${Math.round(ratio * 100)} %`,
    mebibytes === undefined ? '' : `${cell(mebibytes, 0)} MiB`,
    seconds === undefined ? '' : `${cell(seconds, 2)} s`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

const heads = ',per second,x TPC-B,x simplebank,p50 ms,p99 ms,other,least,goal,verdict'.split(',')

/** One line per row, right under the heads. */
export function renderLines(lines: readonly ReportLine[]): string {
  const cells = lines.map(({ title, figure, goals }) => [
    title,
    cell(figure.perSecond, 0),
    cell(figure.timesTpcb, 2),
    cell(figure.timesSimplebank, 2),
    cell(figure.p50Milliseconds, 2),
    cell(figure.p99Milliseconds, 2),
    otherCell(figure),
    goals?.least.words ?? '',
    goals?.goal.words ?? '',
    verdictOf(figure, goals),
  ])
  return table([heads, ...cells])
}
