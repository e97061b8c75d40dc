/**
 * `npm run bench`: measures banks of its own on this machine and prints one table of figures, goals
 * and verdicts. Load generator, server and PostgreSQL share the machine, everything is durable, and
 * every instruction is authenticated, validated and carries its own idempotency key.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { UsageError, withUsage } from '../tools/usage.ts'
import { measureBaselines, prepareBaselines, type Baselines } from './baselines.ts'
import { createBaselineDatabase } from './baseline-database.ts'
import { measureLoad, progress, withBank, type BenchSettings } from './bank.ts'
import { measureDelay } from './delay.ts'
import { mebibytes, medianOf, seconds as secondsBound, type Figure } from './figure.ts'
import { measureIdle } from './idle.ts'
import { measureLarge } from './large.ts'
import { measureMemory } from './memory.ts'
import { baselineLines, renderLines, type ReportLine } from './report.ts'
import { randomTransfers } from './requests.ts'
import { rows, type Row } from './rows.ts'

const names = [...rows.map(({ name }) => name), 'delay']

const usage = `npm run bench -- [options]

  --only NAMES        only these rows, by commas: ${names.join(', ')}
  --large             ten million transfers first, then rates and reads at that size
  --transfers N       so many in place of ten million
  --idle              10,000 idle connections
  --memory            memory over ten minutes of load
  --minutes N         so many in place of ten
  --quick             short runs, one round, small numbers: does it work?
  --rounds N          rounds to take medians over (default 3, with --quick 1)
  --log-level LEVEL   the server's LOG_LEVEL (default warn)

Without --only, --large, --idle and --memory all rows are measured.
`

const { values } = await withUsage(() =>
  parseArgs({
    options: {
      only: { type: 'string' },
      large: { type: 'boolean', default: false },
      transfers: { type: 'string' },
      idle: { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      'log-level': { type: 'string', default: 'warn' },
      help: { type: 'boolean', default: false },
    },
  }),
)

if (values.help) {
  process.stdout.write(usage)
} else {
  await withUsage(main)
}

function chooseNames(): ReadonlySet<string> {
  if (values.only === undefined) {
    return new Set(values.large || values.idle || values.memory ? [] : names)
  }
  const chosen = values.only.split(',')
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new UsageError(`no row ${unknown.join(', ')}; there are ${names.join(', ')}`)
  return new Set(chosen)
}

async function main(): Promise<void> {
  const chosen = chooseNames()
  const { quick } = values
  const rounds = Number(values.rounds ?? (quick ? 1 : 3))
  const seconds = quick ? 4 : 10
  const settings: BenchSettings = {
    logLevel: values['log-level'],
    accountsPerUser: quick ? 50 : 1000,
  }
  const lines: ReportLine[] = []
  const chosenRows = rows.filter(({ name }) => chosen.has(name))
  if (chosenRows.length > 0) {
    lines.push(...(await measureRows(chosenRows, { settings, rounds, seconds })))
  }
  if (chosen.has('delay')) lines.push(...(await measureDelay(settings, { rounds, seconds })))
  if (values.memory) {
    const minutes = Number(values.minutes ?? (quick ? 0.25 : 10))
    lines.push(...(await measureMemory(settings, minutes)))
  }
  if (values.idle) lines.push(...(await measureIdle(settings, { seconds })))
  if (values.large) {
    const transfers = Number(values.transfers ?? (quick ? 30_000 : 10_000_000))
    lines.push(...(await measureLarge(settings, { transfers, seconds, quick })))
  }
  process.stdout.write(
    `\n${availableParallelism()} cores for load generator, server and PostgreSQL together; fsync and\n` +
      `synchronous_commit on; LOG_LEVEL=${settings.logLevel}; ${rounds} round(s) of ${seconds} s, ` +
      `medians.\n\n${renderLines(lines)}\n`,
  )
}

interface Extent {
  settings: BenchSettings
  rounds: number
  seconds: number
}

function measureRows(chosen: readonly Row[], extent: Extent): Promise<ReportLine[]> {
  const { settings, rounds, seconds } = extent
  return withBank(settings, async (bank) => {
    let database: string | undefined
    if (chosen.some(({ isCompared }) => isCompared)) {
      progress('filling the tables of the baselines ...')
      database = await createBaselineDatabase(bank.urls.superuserUrl)
      await prepareBaselines(database)
    }
    const { address, seeded } = bank
    const nextRequest = randomTransfers(seeded)
    await measureLoad('warm-up', { address, connections: 256, seconds, nextRequest })
    const allBaselines: Baselines[] = []
    const allFigures = new Map<string, Figure[]>(chosen.map(({ name }) => [name, []]))
    for (let number = 1; number <= rounds; number += 1) {
      progress(`round ${number} of ${rounds}`)
      const baselines = database && (await measureBaselines(database, seconds))
      if (baselines) allBaselines.push(baselines)
      const figures = new Map<string, Figure>()
      for (const { name, measure } of chosen) {
        const figure = await measure({ bank, seconds, baselines: baselines || undefined, figures })
        figures.set(name, figure)
        allFigures.get(name)?.push(figure)
      }
    }
    return [
      ...baselineLines(allBaselines),
      ...chosen.map(({ name, title, goals }) => ({
        title,
        figure: medianOf(allFigures.get(name) ?? []),
        goals,
      })),
      {
        title: 'memory of the server after the load (RSS)',
        figure: { mebibytes: bank.residentMebibytes() },
        goals: { least: mebibytes(384), goal: mebibytes(256) },
      },
      {
        title: 'npm start to ready, the first time',
        figure: { seconds: bank.firstReadySeconds },
        goals: { least: secondsBound(15), goal: secondsBound(5) },
      },
      {
        title: 'npm start to ready, the second time',
        figure: { seconds: bank.secondReadySeconds },
        goals: { least: secondsBound(3), goal: secondsBound(1.5) },
      },
    ]
  })
}
