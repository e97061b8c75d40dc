/** `npm run faults`: lets faults loose in a bank of its own and keeps the score. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { catalog, chooseFaults } from './catalog.ts'
import type { Length } from './deck.ts'
import { UsageError, withUsage } from '../tools/usage.ts'
import { plantedFaults } from './planted/planted-faults.ts'
import { searchPlanted } from './planted/run-planted.ts'
import { runFaults, type Round, type RunOptions } from './run.ts'
import type { Scoreboard } from './scoreboard.ts'

const usage = `npm run faults -- [--seed N] [--count N | --duration 30m] [--only KIND,...]
       npm run faults -- [--seed N] --planted NAME,...

Starts a durable PostgreSQL and two servers of its own, sends instructions without a pause, breaks
things in the middle, and holds the bank to its word after each fault. Needs Linux, no containers.

  --seed N          decides faults, order, timing and load; another one each time when absent
  --count N         so many faults (default 20)
  --duration 30m    as many as begin within that time: s, m or h
  --only KINDS      of these kinds only, with commas between
  --previous REF    the commit or tag of the release before, for the fault of that name
  --planted NAMES   plants each of these mistakes in the servers and looks for it; all: every one
  --list            the kinds, and what can be planted
  --help            this text

Exits with 1 when the bank did not keep its word, or nothing was tried; with --planted, when one of
them was not found. Ctrl-C ends the run and prints the score.
`

const { values } = await withUsage(() =>
  parseArgs({
    options: {
      seed: { type: 'string' },
      count: { type: 'string' },
      duration: { type: 'string' },
      only: { type: 'string' },
      previous: { type: 'string' },
      planted: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }),
)

const scoreboardEveryRounds = 10
/** Of one round: what breaks once breaks a hundred times. */
const violationsShownMax = 5

if (values.help) {
  process.stdout.write(usage)
} else if (values.list) {
  for (const list of [catalog, plantedFaults]) {
    for (const { name, description } of list) print(`${name.padEnd(32)}${description}`)
    print('')
  }
} else {
  await withUsage(main)
}

async function main(): Promise<void> {
  const seed = readInteger('seed', values.seed ?? String(Date.now() % 1_000_000))
  if (process.platform !== 'linux') throw new UsageError('the faults need Linux')

  const stop = new AbortController()
  // The terminal tells the servers too, so the round under way is lost.
  process.once('SIGINT', () => stop.abort())

  print(`seed ${seed}`)
  const root = fileURLToPath(new URL('../', import.meta.url))
  const { signal } = stop
  if (values.planted === undefined) return breakThings({ seed, root, signal })
  const names = values.planted.split(',')
  const areFound = await searchPlanted(names, { seed, root, signal, print })
  process.exitCode = areFound ? 0 : 1
}

async function breakThings(common: Pick<RunOptions, 'seed' | 'root' | 'signal'>): Promise<void> {
  const { seed } = common
  const scoreboard = await runFaults({
    ...common,
    faults: values.only === undefined ? catalog : chooseFaults(values.only.split(',')),
    length: readLength(),
    ...(values.previous !== undefined && { previous: values.previous }),
    onRound: reportRound,
    onKept: (folder) => print(`the data of that bank, its log included, is left in ${folder}`),
  })
  print(`\n${scoreboard.render()}\n`)
  if (scoreboard.violated) print(`THE BANK DID NOT KEEP ITS WORD: seed ${seed}`)
  else if (scoreboard.total.injected === 0) print('No fault was injected, so nothing is known.')
  else print('Every word was kept.')
  process.exitCode = scoreboard.violated || scoreboard.total.injected === 0 ? 1 : 0
}

function reportRound({ number, seconds, notes, result }: Round, scoreboard: Scoreboard): void {
  const { fault, entries, violations } = result
  const unknown = entries.filter(({ wasUnknown }) => wasUnknown).length
  const verdict = violations.length === 0 ? 'kept' : `${violations.length} NOT KEPT`
  print(
    [
      `${String(number).padStart(4)}  ${fault.padEnd(24)} ${seconds.toFixed(1).padStart(5)} s`,
      `${String(entries.length).padStart(6)} instructions  ${String(unknown).padStart(4)} unknown`,
      `${verdict}  ${notes.join('; ')}`,
    ].join('  '),
  )
  for (const { kind, text, evidence } of violations.slice(0, violationsShownMax)) {
    print(`\n      ${kind.toUpperCase()}: ${text}`)
    for (const line of evidence) print(`        ${line}`)
  }
  if (number % scoreboardEveryRounds === 0) print(`\n${scoreboard.render()}\n`)
}

function readLength(): Length {
  if (values.duration === undefined) return { rounds: readInteger('count', values.count ?? '20') }
  if (values.count !== undefined) throw new UsageError('either --count or --duration')
  const [, amount, unit] = /^(\d+)(s|m|h)$/.exec(values.duration) ?? []
  const seconds = { s: 1, m: 60, h: 3600 }[unit ?? '']
  if (seconds === undefined)
    throw new UsageError('--duration is a number with s, m or h, such as 30m')
  return { milliseconds: Number(amount) * seconds * 1000 }
}

function readInteger(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`--${name} is an integer`)
  return value
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
