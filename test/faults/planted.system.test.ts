/**
 * Whether the harness finds anything: lines cut at COMMIT, in front of servers as they are and of servers
 * with a mistake planted in them. The long form is `npm run faults -- --planted all`.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { chooseFaults } from '../../faults/catalog.ts'
import { findPlantedFault, plantedFaults } from '../../faults/planted/planted-faults.ts'
import { plantingSettings, runPlanted } from '../../faults/planted/run-planted.ts'
import { runFaults } from '../../faults/run.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('a bank whose lines are cut just before and just after COMMIT keeps its word', async () => {
  const faults = chooseFaults(['commit-cut-before', 'commit-cut-after'])
  const violations: unknown[] = []
  const { total } = await runFaults({
    seed: 4,
    faults,
    length: { rounds: faults.length },
    root,
    onRound: ({ result }) => void violations.push(...result.violations),
  })
  expect(violations).toEqual([])
  expect(total).toMatchObject({ injected: 2, lost: 0, doubled: 0, wrong: 0 })
})

test.each([
  ['answers before COMMIT', 'answer-before-commit', 'lost'],
  ['takes unknown for failed', 'unknown-is-failed', 'wrong'],
])('a bank that %s is found out', async (_, name, kind) => {
  const { found, others } = await runPlanted(findPlantedFault(name), { seed: 1, root })
  expect(found?.violation.kind).toBe(kind)
  expect(others).toEqual([])
})

function startWith(name: string): { status: number | null; stdout: string; stderr: string } {
  const settings = plantingSettings(name)
  const words = [join(root, 'server/src/main.ts'), '--version']
  return spawnSync(process.execPath, words, {
    env: { ...process.env, ...settings },
    encoding: 'utf8',
  })
}

test.each(plantedFaults)('$name leaves a server that starts', ({ name }) => {
  const { status, stdout, stderr } = startWith(name)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+/)
})

test('what cannot be planted leaves no server at all', () => {
  const { status, stderr } = startWith('no-such-fault')
  expect(status).not.toBe(0)
  expect(stderr).toContain('there is no planted fault no-such-fault')
})
