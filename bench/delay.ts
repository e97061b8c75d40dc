/**
 * What a millisecond between server and database costs: the same bank, through the same line, with
 * and without. Batches that are in flight at one time have to keep the rate.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { sharedBankSettings } from '../test/support/bank-settings.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { addressOf as databaseAddressOf } from '../test/support/tcp-proxy.ts'
import { startBankProcess } from '../tools/bank-process.ts'
import { addressOf, bankSettings, measureLoad, progress, type BenchSettings } from './bank.ts'
import { median, medianOf, ratioOf, type Figure } from './figure.ts'
import type { ReportLine } from './report.ts'
import { randomTransfers } from './requests.ts'
import { seedBank } from './seed.ts'

const pings = 200

interface Line {
  url: string
  setDelay(milliseconds: number): void
  close(): void
}

export async function measureDelay(
  settings: BenchSettings,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<ReportLine[]> {
  progress('starting a bank on a database behind a line ...')
  const postgres = await startTestPostgres({ durable: true })
  try {
    const line = await openLine(postgres.url)
    try {
      const bank = await startBankProcess({
        settings: {
          ...sharedBankSettings({ url: line.url, ownerUrl: postgres.ownerUrl }),
          ...bankSettings(settings),
        },
      })
      try {
        const { accountsPerUser } = settings
        const seeded = await seedBank(bank.baseUrl, { users: 10, accountsPerUser })
        const nextRequest = randomTransfers(seeded)
        const address = addressOf(bank.baseUrl)
        const shape = { address, connections: 256, seconds, nextRequest }
        await measureLoad('warm-up', shape)
        const [direct, delayed]: [Figure[], Figure[]] = [[], []]
        for (let round = 1; round <= rounds; round += 1) {
          line.setDelay(0)
          const without = await measureLoad('without delay', shape)
          line.setDelay(1)
          const result = await measureLoad('with 1 ms', shape)
          direct.push(without)
          delayed.push({ ...result, ratio: result.perSecond / without.perSecond })
        }
        const added = (await roundTrip(line, 1)) - (await roundTrip(line, 0))
        const title = 'POST transfers, 256 connections, a line to the database'
        return [
          { title, figure: medianOf(direct) },
          {
            title: `the same with ${added.toFixed(1)} ms more for each round trip`,
            figure: medianOf(delayed),
            goals: { least: ratioOf(0.8, 'without'), goal: ratioOf(0.9, 'without') },
          },
        ]
      } finally {
        await bank.stop()
      }
    } finally {
      line.close()
    }
  } finally {
    await postgres.stop()
  }
}

function openLine(targetUrl: string): Promise<Line> {
  const program = fileURLToPath(new URL('delay-line.ts', import.meta.url))
  const child = fork(program, [targetUrl])
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the line to the database has ended')))
    child.once('message', (port) => {
      resolve({
        url: databaseAddressOf(targetUrl).urlAt(Number(port)),
        setDelay: (milliseconds) => void child.send(milliseconds),
        close: () => child.disconnect(),
      })
    })
  })
}

/** The median of a statement's round trip: timers make a millisecond a little longer. */
async function roundTrip(line: Line, delayMilliseconds: number): Promise<number> {
  line.setDelay(delayMilliseconds)
  const client = new Client({ connectionString: line.url })
  await client.connect()
  const times: number[] = []
  while (times.length < pings) {
    const started = performance.now()
    await client.query('select 1')
    times.push(performance.now() - started)
  }
  await client.end()
  return median(times)
}
