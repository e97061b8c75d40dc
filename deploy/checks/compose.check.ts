/**
 * compose.yaml is valid, by the parser of Compose itself, and keeps our own rules; its scripts are
 * run where they can be.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { loadConfig } from '../../server/src/config/config.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { findComposeProblems } from './support/compose-rules.ts'
import { projectFolder } from './support/paths.ts'
import { expectTool, findTool, runTool } from './support/tool.ts'

/** The library that `docker compose` reads files with, as a command of its own. */
const composeModule = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2'

export const check: Check = {
  name: 'compose',
  async run(): Promise<Verdict> {
    const text = readFileSync(join(projectFolder, 'compose.yaml'), 'utf8')
    const problems = [
      ...findComposeProblems(parse(text, { merge: true })),
      ...(await findKeyProblems()),
    ]
    const go = findTool('go')
    if (go === undefined) {
      if (problems.length > 0) return judge('our own rules', problems)
      return { kind: 'skipped', tool: 'compose-go', reason: 'no Go here; our own rules are kept' }
    }
    const file = join(projectFolder, 'compose.yaml')
    const { exitCode, complaints, output } = await runTool(go, ['run', composeModule, file])
    const said = exitCode === 0 ? [] : `${complaints}${output}`.trim().split('\n').slice(-5)
    const tool = `compose-go ${composeModule.split('@')[1] ?? ''}`
    return judge(tool, [...problems, ...said], 'valid, our own rules, its keys')
  },
}

/** The keys that make-keys.sh makes are accepted by the program, random, and for their owner only. */
async function findKeyProblems(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-keys-'))
  try {
    const script = join(projectFolder, 'deploy/docker/make-keys.sh')
    const texts: string[] = []
    for (const name of ['first', 'second']) {
      const keys = join(folder, name)
      await expectTool('sh', [script, keys])
      const made = readFileSync(join(keys, 'app.env'), 'utf8')
      await expectTool('sh', [script, keys])
      if (readFileSync(join(keys, 'app.env'), 'utf8') !== made) return ['keys are made twice']
      if ((statSync(join(keys, 'app.env')).mode & 0o077) !== 0) return ['others can read app.env']
      loadConfig(
        { environment: {}, appEnv: { name: 'app.env', text: made } },
        { purpose: 'server' },
      )
      texts.push(made)
    }
    return texts[0] === texts[1] ? ['keys are not random'] : []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
