/** The rules of the checks are tested: each is broken once and says so. */
import { join } from 'node:path'
import { judge, type Check } from './support/check.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { runTool } from './support/tool.ts'

export const check: Check = {
  name: 'rules of the checks',
  async run() {
    const vitest = join(projectFolder, 'node_modules/.bin/vitest')
    const { exitCode, output, complaints } = await runTool(vitest, ['run'], {
      folder: deployFolder,
      environment: { NO_COLOR: '1' },
    })
    const version = /v(\d\S+)/.exec(output)?.[1] ?? ''
    const count = /Tests +(.*)/.exec(output)?.[1]?.trim()
    const problems = exitCode === 0 ? [] : `${output}${complaints}`.trim().split('\n').slice(-40)
    return judge(`vitest ${version}`, problems, count)
  },
}
