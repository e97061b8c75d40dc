/**
 * `npm run check:deploy`: everything about the deployment that can be checked without an account or
 * a cluster.
 *
 * Each file `*.check.ts` beside this one exports a `check`. They run one after the other, in the
 * order of their files, and a table says of each: check, tool and version, verdict; or that it was
 * skipped, and why. Words after `--` select the checks whose names contain one of them. With
 * `--no-skips`, as CI calls it, a check that is skipped counts as failed. What the checks import
 * beyond the server's packages is in deploy/package.json and is installed at the first run.
 *
 * Exit codes: 0 all passed or skipped, 1 something failed, 2 no check has such a name.
 */
import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Check, Verdict } from './support/check.ts'
import { deployFolder } from './support/paths.ts'
import { renderTable, type Row } from './support/table.ts'
import { expectTool } from './support/tool.ts'

/** Installs deploy/package.json unless what is installed is younger than its lock. */
async function installPackages(): Promise<void> {
  const lock = join(deployFolder, 'package-lock.json')
  const installed = join(deployFolder, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  await expectTool('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    folder: deployFolder,
  })
}

async function loadChecks(): Promise<Check[]> {
  const files = globSync('*.check.ts', { cwd: import.meta.dirname }).toSorted()
  return Promise.all(
    files.map(async (file) => {
      const module: unknown = await import(pathToFileURL(join(import.meta.dirname, file)).href)
      const check = readCheck(module)
      if (!check) throw new Error(`deploy/checks/${file} exports no check`)
      return check
    }),
  )
}

function readCheck(module: unknown): Check | undefined {
  if (typeof module !== 'object' || module === null || !('check' in module)) return undefined
  const { check } = module
  if (typeof check !== 'object' || check === null) return undefined
  if (!('name' in check) || typeof check.name !== 'string') return undefined
  if (!('run' in check) || typeof check.run !== 'function') return undefined
  const { name, run } = check
  return { name, run: async (): Promise<Verdict> => run.call(check) }
}

async function runCheck(check: Check, skipsFail: boolean): Promise<Row> {
  process.stderr.write(`${check.name} ...\n`)
  try {
    const verdict = await check.run()
    if (verdict.kind !== 'skipped' || !skipsFail) return { name: check.name, verdict }
    const problems = [`skipped: ${verdict.reason}`]
    return { name: check.name, verdict: { kind: 'failed', tool: verdict.tool, problems } }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const problems = text.split('\n')
    return { name: check.name, verdict: { kind: 'failed', tool: 'none', problems } }
  }
}

function isSelected(check: Check, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => check.name.includes(word))
}

const { values, positionals } = parseArgs({
  options: { 'no-skips': { type: 'boolean', default: false } },
  allowPositionals: true,
})
await installPackages()
const checks = (await loadChecks()).filter((check) => isSelected(check, positionals))
if (checks.length === 0) {
  process.stderr.write(`no check is named ${positionals.join(' or ')}\n`)
  process.exit(2)
}
const rows: Row[] = []
for (const check of checks) rows.push(await runCheck(check, values['no-skips']))
process.stdout.write(`${renderTable(rows)}\n`)
process.exit(rows.some(({ verdict }) => verdict.kind === 'failed') ? 1 : 0)
