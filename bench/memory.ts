/** The server's memory over a long load: how much it comes to, and whether it goes on growing. */
import { setTimeout as delay } from 'node:timers/promises'
import { assertAllDone, progress, withBank, type BenchSettings } from './bank.ts'
import { mebibytes, ratioUpTo } from './figure.ts'
import { startLoad } from './load.ts'
import type { ReportLine } from './report.ts'
import { randomTransfers } from './requests.ts'

const samplesPerRun = 20

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Twenty samples, so one every 30 s of ten minutes. */
export function measureMemory(settings: BenchSettings, minutes: number): Promise<ReportLine[]> {
  return withBank(settings, async (bank) => {
    const nextRequest = randomTransfers(bank.seeded)
    const load = await startLoad({ ...bank.address, connections: 256, nextRequest })
    const samples: number[] = []
    while (samples.length < samplesPerRun) {
      await Promise.race([delay((minutes * 60_000) / samplesPerRun), load.broken])
      samples.push(bank.residentMebibytes())
      progress(`  ${samples.at(-1)?.toFixed(0)} MiB after ${load.completed()} transfers`)
    }
    const result = await load.stop()
    assertAllDone('memory', result)
    // The first quarter is the heap on its way to the size that it keeps.
    const quarter = samplesPerRun / 4
    const early = mean(samples.slice(quarter, 2 * quarter))
    return [
      {
        title: `memory of the server under ${minutes} minutes of load (RSS), at most`,
        figure: { perSecond: result.perSecond, mebibytes: Math.max(...samples) },
        goals: { least: mebibytes(384), goal: mebibytes(256) },
      },
      {
        title: 'the same in the last quarter, to the second quarter',
        figure: { ratio: mean(samples.slice(-quarter)) / early },
        goals: { least: ratioUpTo(1.1), goal: ratioUpTo(1.05) },
      },
    ]
  })
}
