/**
 * The rows that `npm run bench` measures on a bank in each round, in this order. Baselines are
 * measured in the same round, since a machine that others use too allows only ratios.
 */
import type { Baselines } from './baselines.ts'
import { measureLoad, type BenchBank } from './bank.ts'
import { both, p50, p99, ratioOf, timesTpcb, type Figure, type Goals } from './figure.ts'
import type { LoadResult } from './load.ts'
import {
  accountReads,
  bulkCheck,
  bulks,
  entryReads,
  holdsAndEnds,
  hotTransfers,
  pastReads,
  randomTransfers,
  type NextRequest,
} from './requests.ts'

export interface Round {
  bank: BenchBank
  seconds: number
  baselines: Baselines | undefined
  /** What the rows before it have come to, by name. */
  figures: ReadonlyMap<string, Figure>
}

export interface Row {
  /** For `--only`. */
  name: string
  title: string
  /** Its figures are multiples of the baselines, too. */
  isCompared?: true
  goals?: Goals
  measure: (round: Round) => Promise<Figure>
}

const bulkSize = 2_000
const bulkConnections = 4
/** The largest that there is. */
const wholeBulkSize = 8_000

function throughput(perSecond: number, result: LoadResult, { baselines }: Round): Figure {
  return {
    perSecond,
    ...(baselines && {
      timesTpcb: perSecond / baselines.tpcb,
      timesSimplebank: perSecond / baselines.simplebank,
    }),
    p50Milliseconds: result.p50Milliseconds,
    p99Milliseconds: result.p99Milliseconds,
  }
}

async function transfersAt(
  round: Round,
  name: string,
  connections: number,
  nextRequest: NextRequest,
): Promise<Figure> {
  const { address } = round.bank
  const shape = { address, connections, seconds: round.seconds, nextRequest }
  const result = await measureLoad(name, shape)
  return throughput(result.perSecond, result, round)
}

function latencies({ p50Milliseconds, p99Milliseconds }: LoadResult): Figure {
  return { p50Milliseconds, p99Milliseconds }
}

/** Full answers only: a transfer that was not posted is no throughput. */
function bulkLoad({ bank, seconds }: Round, connections: number, size: number) {
  return {
    address: bank.address,
    connections,
    seconds,
    nextRequest: bulks(bank.seeded, size),
    ...bulkCheck(size),
  }
}

async function measureHolds(round: Round, end: 'capture' | 'release'): Promise<Figure> {
  const { address, seeded } = round.bank
  const result = await measureLoad(`holds, ${end}`, {
    address,
    connections: 256,
    seconds: round.seconds,
    ...holdsAndEnds(seeded, end),
  })
  return throughput(result.perSecond / 2, result, round)
}

/** Reads per second by 64 connections, and the latency that one reader alone sees. */
async function measureReads(
  { bank: { address }, seconds }: Round,
  name: string,
  nextRequest: NextRequest,
): Promise<Figure> {
  const half = { address, seconds: seconds / 2, nextRequest }
  const many = await measureLoad(name, { ...half, connections: 64 })
  const alone = await measureLoad(`${name}, alone`, { ...half, connections: 1 })
  return { perSecond: many.perSecond, ...latencies(alone) }
}

const pageGoals: Goals = { least: p99(10), goal: p99(5) }

export const readRows: readonly Row[] = [
  {
    name: 'account',
    title: 'GET account',
    measure: (round) => measureReads(round, 'GET account', accountReads(round.bank.seeded)),
  },
  {
    name: 'newest',
    title: 'GET entries, newest page',
    goals: pageGoals,
    measure: (round) => measureReads(round, 'entries', entryReads(round.bank.seeded, 'desc')),
  },
  {
    name: 'oldest',
    title: 'GET entries, oldest page',
    goals: pageGoals,
    measure: (round) => measureReads(round, 'old entries', entryReads(round.bank.seeded, 'asc')),
  },
  {
    name: 'past',
    title: 'GET account at a moment of the past',
    goals: pageGoals,
    measure(round) {
      const { seeded, seededAt } = round.bank
      return measureReads(round, 'past', pastReads(seeded, seededAt, new Date()))
    },
  },
]

export const rows: readonly Row[] = [
  {
    name: 'random64',
    title: 'POST transfers, 64 connections, random accounts',
    isCompared: true,
    measure: (round) => transfersAt(round, 'random, 64', 64, randomTransfers(round.bank.seeded)),
  },
  {
    name: 'random256',
    title: 'POST transfers, 256 connections, random accounts',
    isCompared: true,
    goals: { least: timesTpcb(3), goal: timesTpcb(4) },
    measure: (round) => transfersAt(round, 'random, 256', 256, randomTransfers(round.bank.seeded)),
  },
  {
    name: 'hot',
    title: 'POST transfers, 256 connections, one hot account',
    isCompared: true,
    goals: { least: ratioOf(1, 'random'), goal: ratioOf(1.05, 'random') },
    async measure(round) {
      const figure = await transfersAt(round, 'hot, 256', 256, hotTransfers(round.bank.seeded))
      const random = round.figures.get('random256')?.perSecond
      const { perSecond } = figure
      if (random === undefined || perSecond === undefined) return figure
      return { ...figure, ratio: perSecond / random }
    },
  },
  {
    name: 'bulk',
    title: `POST transfers/bulk, ${bulkConnections} connections, ${bulkSize} transfers each`,
    isCompared: true,
    goals: { least: timesTpcb(5), goal: timesTpcb(8) },
    async measure(round) {
      const load = bulkLoad(round, bulkConnections, bulkSize)
      // The single transfers of the row before are felt for a while: transfers/bulk/presence.ts.
      await measureLoad('bulk, warm-up', { ...load, seconds: 3 })
      const result = await measureLoad('bulk', load)
      return throughput(result.perSecond * bulkSize, result, round)
    },
  },
  {
    name: 'beside',
    title: `POST transfers, 200 per second beside bulks of ${wholeBulkSize}, one after the other`,
    goals: { least: p99(50), goal: p99(50) },
    async measure(round) {
      const { address, seeded } = round.bank
      const { seconds } = round
      const singles = { connections: 64, ratePerSecond: 200, nextRequest: randomTransfers(seeded) }
      const [result] = await Promise.all([
        measureLoad('single transfers beside bulk', { address, seconds, ...singles }),
        measureLoad('bulk beside them', bulkLoad(round, 1, wholeBulkSize)),
      ])
      return latencies(result)
    },
  },
  {
    name: 'capture',
    title: 'POST holds, then capture, 256 connections',
    isCompared: true,
    measure: (round) => measureHolds(round, 'capture'),
  },
  {
    name: 'release',
    title: 'POST holds, then release, 256 connections',
    isCompared: true,
    measure: (round) => measureHolds(round, 'release'),
  },
  ...readRows,
  {
    name: 'one',
    title: 'POST transfers, one client, one at a time',
    goals: { least: p50(5), goal: p50(3) },
    async measure({ bank: { address, seeded }, seconds }) {
      const nextRequest = randomTransfers(seeded)
      const shape = { address, connections: 1, seconds, nextRequest }
      return latencies(await measureLoad('one at a time', shape))
    },
  },
  {
    name: 'steady',
    title: 'POST transfers, 500 per second',
    goals: { least: p99(15), goal: both(p50(3), p99(10)) },
    async measure({ bank: { address, seeded }, seconds }) {
      const nextRequest = randomTransfers(seeded)
      const shape = { address, connections: 64, ratePerSecond: 500, seconds, nextRequest }
      return latencies(await measureLoad('500 per second', shape))
    },
  },
]
