/** The checks themselves are typed as strictly as the server. */
import { join } from 'node:path'
import { judge, type Check } from './support/check.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { expectTool, runTool } from './support/tool.ts'

export const check: Check = {
  name: 'types of the checks',
  async run() {
    const tsc = join(projectFolder, 'node_modules/.bin/tsc')
    const version = (await expectTool(tsc, ['--version'])).trim().replace('Version', 'tsc')
    const { exitCode, output } = await runTool(tsc, ['-p', join(deployFolder, 'tsconfig.json')])
    return judge(version, exitCode === 0 ? [] : output.trim().split('\n'))
  },
}
