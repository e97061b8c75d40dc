/**
 * The CDK app of deploy/aws, a package of its own: its types, and its tests, which synthesise every
 * stack of every environment without an account and hold it to cdk-nag, assertions and pins.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { judge, type Check, type Verdict } from './support/check.ts'
import { deployFolder } from './support/paths.ts'
import { expectTool, runTool } from './support/tool.ts'

const folder = join(deployFolder, 'aws')

export const check: Check = {
  name: 'aws: stacks and rules',
  async run(): Promise<Verdict> {
    const lacking = await installPackages()
    if (lacking !== undefined) return { kind: 'skipped', tool: 'cdk', reason: lacking }
    const cdk = join(folder, 'node_modules/aws-cdk/bin/cdk')
    const version = (await expectTool(process.execPath, [cdk, '--version'])).split(' ')[0] ?? ''
    const types = await runTool(join(folder, 'node_modules/.bin/tsc'), [], { folder })
    const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
    const tests = await runTool(process.execPath, [vitest, 'run'], {
      folder,
      environment: { NO_COLOR: '1' },
      timeoutMilliseconds: 900_000,
    })
    const problems = [
      ...(types.exitCode === 0 ? [] : types.output.trim().split('\n')),
      ...(tests.exitCode === 0
        ? []
        : `${tests.output}${tests.complaints}`.trim().split('\n').slice(-60)),
    ]
    const count = /Tests +(.*)/.exec(tests.output)?.[1]?.trim()
    return judge(`cdk ${version.trim()}`, problems, count)
  },
}

/** Unless they are there: 300 MB that nothing else needs. Says why when they cannot be had. */
async function installPackages(): Promise<string | undefined> {
  const lock = join(folder, 'package-lock.json')
  const installed = join(folder, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs)
    return undefined
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { exitCode } = await runTool('npm', words, { folder })
  return exitCode === 0 ? undefined : 'npm ci in deploy/aws did not succeed'
}
