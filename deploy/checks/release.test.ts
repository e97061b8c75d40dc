/**
 * deploy.sh against a kubectl that writes down what it is asked and answers as a cluster would. The
 * manifests are rendered by the real one.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exampleImage } from './support/kustomize.ts'
import { deployFolder } from './support/paths.ts'
import { findTool, runTool } from './support/tool.ts'

const kubectl = findTool('kubectl')

/** What the cluster says: whether the migration succeeds, and whether each rollout does. */
interface Cluster {
  migration: 'Complete' | 'Failed'
  rollouts: readonly boolean[]
}

describe.skipIf(kubectl === undefined)('deploy.sh', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-release-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function release(cluster: Cluster, settings: Readonly<Record<string, string>> = {}) {
    const log = join(folder, 'log')
    const count = join(folder, 'count')
    writeFileSync(count, '')
    const stub = join(folder, 'kubectl')
    writeFileSync(
      stub,
      `#!/bin/sh
[ "$1" = kustomize ] && exec ${kubectl} "$@"
echo "$*" | sed 's|/[^ ]*/||' >>${log}
case "$*" in
  *status.conditions*${cluster.migration}*) printf True ;;
  *'rollout status'*)
    echo >>${count}
    case "$(wc -l <${count})" in
      ${cluster.rollouts.map((ok, index) => `${index + 1}) exit ${ok ? 0 : 1} ;;`).join('\n      ')}
    esac ;;
esac
`,
    )
    chmodSync(stub, 0o755)
    const result = await runTool(
      join(deployFolder, 'scripts/deploy.sh'),
      ['staging', exampleImage],
      { environment: { KUBECTL: stub, PAUSE_SECONDS: '0', SMOKE_TRIES: '2', ...settings } },
    )
    const asked = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.replace('--namespace tallystick ', ''))
      .filter((line) => /^(delete|apply|rollout)/.test(line))
      .map((line) => line.split(' ').slice(0, 3).join(' '))
    return { exitCode: result.exitCode, asked }
  }

  const migrated = ['delete job tallystick-migrate', 'apply -f migrate.yaml']
  const rolledOut = ['apply -f server.yaml', 'rollout status deployment/tallystick']
  const takenBack = ['rollout undo deployment/tallystick', 'rollout status deployment/tallystick']

  it('migrates, then rolls out', async () => {
    const { exitCode, asked } = await release({ migration: 'Complete', rollouts: [true] })
    expect(asked).toEqual([...migrated, ...rolledOut])
    expect(exitCode).toBe(0)
  })

  it('leaves the server alone when the migration fails', async () => {
    const { exitCode, asked } = await release({ migration: 'Failed', rollouts: [] })
    expect(asked).toEqual(migrated)
    expect(exitCode).toBe(1)
  })

  it('takes back a rollout that does not become ready', async () => {
    const { exitCode, asked } = await release({ migration: 'Complete', rollouts: [false, true] })
    expect(asked).toEqual([...migrated, ...rolledOut, ...takenBack])
    expect(exitCode).toBe(1)
  })

  it('takes back a rollout that does not answer from outside', async () => {
    const { exitCode, asked } = await release(
      { migration: 'Complete', rollouts: [true, true] },
      { SMOKE_URL: 'http://127.0.0.1:1' },
    )
    expect(asked).toEqual([...migrated, ...rolledOut, ...takenBack])
    expect(exitCode).toBe(1)
  })

  it('refuses an image by tag', async () => {
    const script = join(deployFolder, 'scripts/deploy.sh')
    const { exitCode } = await runTool(script, ['staging', 'registry/tallystick:latest'])
    expect(exitCode).toBe(2)
  })
})
