/** The packages are those that the registry signed. Needs the registry and sigstore's keys. */
import type { Check, Verdict } from './support/check.ts'
import { judge } from './support/check.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { expectTool, runTool } from './support/tool.ts'

export const check: Check = {
  name: 'supply chain: signatures',
  async run(): Promise<Verdict> {
    const tool = `npm ${(await expectTool('npm', ['--version'])).trim()}`
    const problems: string[] = []
    const details: string[] = []
    for (const folder of [projectFolder, deployFolder]) {
      const { exitCode, output, complaints } = await runTool('npm', ['audit', 'signatures'], {
        folder,
        environment: { npm_config_fetch_retries: '0', npm_config_loglevel: 'error' },
      })
      const unreachable = /getaddrinfo \w+ (\S+)|ECONNREFUSED|ETIMEDOUT/.exec(complaints)
      if (exitCode !== 0 && unreachable) {
        const reason = `${unreachable[1] ?? 'the registry'} is out of reach`
        return { kind: 'skipped', tool, reason }
      }
      if (exitCode !== 0) problems.push(...`${output}${complaints}`.trim().split('\n'))
      details.push(/(\d+ packages have verified registry signatures)/.exec(output)?.[1] ?? '')
    }
    return judge(tool, problems, details.join(', '))
  },
}
