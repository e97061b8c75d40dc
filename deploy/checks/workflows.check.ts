/** The workflows are valid, by actionlint, and keep our own rules: pins, permissions, the gate. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { judge, type Check, type Verdict } from './support/check.ts'
import { projectFolder } from './support/paths.ts'
import { findTool, runTool } from './support/tool.ts'
import { findWorkflowProblems, parseWorkflow } from './support/workflow-rules.ts'

const actionlintModule = 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'

export const check: Check = {
  name: 'workflows',
  async run(): Promise<Verdict> {
    const files = globSync('.github/workflows/*.yml', { cwd: projectFolder }).toSorted()
    const workflows = files.map((file) =>
      parseWorkflow(basename(file, '.yml'), readFileSync(join(projectFolder, file), 'utf8')),
    )
    const problems = findWorkflowProblems(workflows)
    const command = findActionlint()
    if (command === undefined && problems.length === 0) {
      const reason = 'neither actionlint nor Go is here; our own rules are kept'
      return { kind: 'skipped', tool: 'actionlint', reason }
    }
    const [tool = '', ...words] = command ?? []
    const version = command ? await actionlint(tool, [...words, '-version']) : undefined
    const lint = command ? await actionlint(tool, [...words, '-no-color', '-oneline']) : undefined
    const said = lint && lint.exitCode !== 0 ? lint.output.trim().split('\n') : []
    const name = `actionlint ${version?.output.split('\n')[0] ?? 'none'}`
    return judge(name, [...problems, ...said], `${files.length} files, our own rules`)
  },
}

/** The command and its first words; undefined where there is none. */
function findActionlint(): string[] | undefined {
  const installed = findTool('actionlint')
  if (installed !== undefined) return [installed]
  const go = findTool('go')
  return go === undefined ? undefined : [go, 'run', actionlintModule]
}

function actionlint(command: string, words: readonly string[]) {
  return runTool(command, words, { folder: projectFolder })
}
