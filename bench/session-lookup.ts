/**
 * `node bench/session-lookup.ts [--rounds 3] [--seconds 10]`: what it costs that every request looks
 * its session up. The same transfers on the same bank, with the look-up and without, in turn, each in
 * a server of its own; the one without is made by session-lookup-hook.ts.
 *
 * CPU is that of the server and of PostgreSQL together, for each transfer: where all cores are in use it
 * is what the rate follows from, and it is steadier.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBankProcess } from '../tools/bank-process.ts'
import { addressOf, assertAllDone, bankSettings, progress } from './bank.ts'
import { runLoad } from './load.ts'
import { randomTransfers } from './requests.ts'
import { seedBank, type SeededBank } from './seed.ts'

interface Round {
  perSecond: number
  p50Milliseconds: number
  cpuMicroseconds: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const connections = 256

const directory = mkdtempSync(join(tmpdir(), 'tallystick-bench-'))
const hook = new URL('session-lookup-hook.ts', import.meta.url).href
const settings = {
  ...bankSettings({ logLevel: 'warn', accountsPerUser: 200 }),
  ACCESS_TOKEN_DURATION: '12h',
}
const variants = {
  with: settings,
  without: { ...settings, NODE_OPTIONS: `--import ${hook}` },
}
type Variant = keyof typeof variants

try {
  progress('opening accounts ...')
  const first = await startBankProcess({ dataDirectory: directory, settings })
  const seeded = await seedBank(first.baseUrl, { users: 10, accountsPerUser: 200 })
  await first.stop()
  const all: Record<Variant, Round[]> = { with: [], without: [] }
  for (let round = 1; round <= rounds; round += 1) {
    // Whatever drifts (files that grow, a machine that warms up) meets both alike.
    const order = round % 2 === 1 ? (['with', 'without'] as const) : (['without', 'with'] as const)
    for (const variant of order) {
      progress(`round ${round} of ${rounds}, ${variant} the look-up`)
      all[variant].push(await measure(variant, seeded))
    }
  }
  report(all)
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function measure(variant: Variant, seeded: SeededBank): Promise<Round> {
  const bank = await startBankProcess({ dataDirectory: directory, settings: variants[variant] })
  try {
    const nextRequest = randomTransfers(seeded)
    const shape = { ...addressOf(bank.baseUrl), connections, nextRequest }
    assertAllDone('warm-up', await runLoad({ ...shape, durationSeconds: Math.min(3, seconds) }))
    const before = cpuSeconds(bank.process.pid)
    const result = await runLoad({ ...shape, durationSeconds: seconds })
    const used = cpuSeconds(bank.process.pid) - before
    assertAllDone(variant, result)
    const { perSecond, p50Milliseconds } = result
    return { perSecond, p50Milliseconds, cpuMicroseconds: (used / result.completed) * 1e6 }
  } finally {
    await bank.stop()
  }
}

/** Of the server and all processes of its PostgreSQL, so far. */
function cpuSeconds(server: number | undefined): number {
  const pidFile = readFileSync(join(directory, 'postgres', 'postmaster.pid'), 'utf8')
  const postmaster = pidFile.split('\n')[0] ?? ''
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
  const pids = [String(server), postmaster, ...children.split(' ').filter((pid) => pid !== '')]
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, each) => sum + each, 0) / 100
}

function report(all: Record<Variant, Round[]>): void {
  const median = (variant: Variant, member: keyof Round) => {
    const sorted = all[variant].map((round) => round[member]).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  const line = (name: string, member: keyof Round, digits: number) => {
    const [by, without] = [median('with', member), median('without', member)]
    const share = ((by / without - 1) * 100).toFixed(1)
    const cells = [by.toFixed(digits), without.toFixed(digits), `${share} %`]
    return `${name.padEnd(34)}${cells.map((cell) => cell.padStart(12)).join('')}\n`
  }
  process.stdout.write(
    `POST /v1/transfers, ${connections} connections, ${rounds} round(s) of ${seconds} s each, medians\n\n` +
      `${''.padEnd(34)}${['with', 'without', 'difference'].map((name) => name.padStart(12)).join('')}\n` +
      line('transfers per second', 'perSecond', 0) +
      line('p50, ms', 'p50Milliseconds', 1) +
      line('CPU of both for a transfer, us', 'cpuMicroseconds', 1),
  )
}
