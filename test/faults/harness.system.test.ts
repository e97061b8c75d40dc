/**
 * The harness of `npm run faults` in short: a few rounds of one seed. The long form is
 * docs/operating/faults.md.
 */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { chooseFaults } from '../../faults/catalog.ts'
import { runFaults } from '../../faults/run.ts'
import type { Violation } from '../../faults/violation.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const cheap = [
  'kill-server',
  'kill-backend',
  'kill-postgres',
  'deliver-twice',
  'rolling-restart',
  'pause-server',
]

test('a bank keeps its word through one fault of each kind', async () => {
  const violations: Violation[] = []
  const scoreboard = await runFaults({
    seed: 1,
    faults: chooseFaults(cheap),
    length: { rounds: cheap.length },
    root,
    onRound: ({ result }) => void violations.push(...result.violations),
  })
  expect(violations).toEqual([])
  const { scores, total } = scoreboard
  expect([...scores.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(
    cheap.toSorted((a, b) => a.localeCompare(b)),
  )
  expect(total).toMatchObject({ injected: cheap.length, lost: 0, doubled: 0, wrong: 0 })
  expect(total.resolved).toBe(total.unknown)
  expect(total.acknowledged).toBeGreaterThan(500)
}, 300_000)
