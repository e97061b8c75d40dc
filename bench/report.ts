/** The table that `npm run bench` prints: medians over the rounds, and their ratios. */
import type { Baselines } from './baselines.ts'
import { table } from '../tools/table.ts'
import type { LoadResult } from './load.ts'

export type Row =
  | { kind: 'throughput'; name: string; result: LoadResult; baselines: Baselines }
  | { kind: 'latency'; name: string; result: LoadResult }

export interface Report {
  rows: readonly Row[]
  logLevel: string
  cores: number
  residentMebibytes: number
  readyFirstMilliseconds: number
  readySecondMilliseconds: number
  rounds: number
  seconds: number
}

function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function throughputTable(rows: readonly Row[]): string {
  const measured = rows.filter((row) => row.kind === 'throughput')
  const lines = [['transfers per second', 'median', 'x TPC-B', 'x simplebank', 'p50 ms', 'p99 ms']]
  const baseline = (name: string, pick: (baselines: Baselines) => number | undefined): void => {
    const figures = measured
      .map((row) => pick(row.baselines))
      .filter((value) => value !== undefined)
    if (figures.length === 0) return
    const tpcb = median(measured.map((row) => row.baselines.tpcb))
    const simplebank = median(measured.map((row) => row.baselines.simplebank))
    const figure = median(figures)
    const ratios = [(figure / tpcb).toFixed(2), (figure / simplebank).toFixed(2)]
    lines.push([name, perSecond(figure), ...ratios, '', ''])
  }
  baseline('TPC-B statements, same driver, 32 connections', (figures) => figures.tpcb)
  baseline('simplebank transfer, same driver, 32 connections', (figures) => figures.simplebank)
  baseline('pgbench itself, 32 connections', (figures) => figures.pgbench)
  for (const name of new Set(measured.map((row) => row.name))) {
    const rounds = measured.filter((row) => row.name === name)
    const over = (pick: (row: (typeof rounds)[number]) => number) => median(rounds.map(pick))
    lines.push([
      `POST /v1/transfers, ${name}`,
      perSecond(over((row) => row.result.perSecond)),
      over((row) => row.result.perSecond / row.baselines.tpcb).toFixed(2),
      over((row) => row.result.perSecond / row.baselines.simplebank).toFixed(2),
      over((row) => row.result.p50Milliseconds).toFixed(1),
      over((row) => row.result.p99Milliseconds).toFixed(1),
    ])
  }
  return table(lines)
}

function latencyTable(rows: readonly Row[]): string {
  const measured = rows.filter((row) => row.kind === 'latency')
  const lines = [['latency of POST /v1/transfers', 'p50 ms', 'p99 ms', 'max ms']]
  for (const name of new Set(measured.map((row) => row.name))) {
    const rounds = measured.filter((row) => row.name === name)
    lines.push([
      name,
      median(rounds.map((row) => row.result.p50Milliseconds)).toFixed(2),
      median(rounds.map((row) => row.result.p99Milliseconds)).toFixed(2),
      median(rounds.map((row) => row.result.maxMilliseconds)).toFixed(2),
    ])
  }
  return table(lines)
}

export function printReport(report: Report): void {
  const lines = [
    '',
    `${report.cores} cores for load generator, server and PostgreSQL together; fsync and`,
    `synchronous_commit on; LOG_LEVEL=${report.logLevel}; ${report.rounds} round(s) of ${report.seconds} s, medians.`,
    '',
    throughputTable(report.rows),
    '',
    latencyTable(report.rows),
    '',
    table([
      ['other figures', ''],
      ['memory of the server after the load (RSS)', `${report.residentMebibytes.toFixed(0)} MiB`],
      ['ready, first start', `${(report.readyFirstMilliseconds / 1000).toFixed(2)} s`],
      ['ready, second start', `${(report.readySecondMilliseconds / 1000).toFixed(2)} s`],
    ]),
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
