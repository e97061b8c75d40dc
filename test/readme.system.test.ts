/**
 * The session of the README, run as it stands: every bash block in one shell, and what it prints compared
 * with the json block behind it. Ids, times and tokens differ from run to run, so each counts as its kind.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'

const root = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const documentedAddress = 'http://127.0.0.1:8080'

interface Step {
  commands: string
  answer: string | undefined
}

function sessionSteps(): Step[] {
  const session = readme.slice(readme.indexOf('## A session'), readme.indexOf('## How fast'))
  const blocks = [...session.matchAll(/```bash\n([\s\S]*?)```(?:\s*```json\n([\s\S]*?)```)?/g)]
  return blocks.map((block) => ({ commands: block[1] ?? '', answer: block[2] }))
}

/** The value with everything that differs from run to run replaced by its kind. */
function kinds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(kinds)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, kinds(member)]))
  }
  if (typeof value !== 'string') return value
  if (/^[a-z]+_[0-9a-z]{26}$/.test(value)) return value.replace(/_.*/, '_…')
  return /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/.test(value) ? 'a time' : value
}

const separator = '---- end of step ----'

function runInShell(script: string, dataDirectory: string): Promise<string> {
  return new Promise((resolveOutput, reject) => {
    const child = spawn('bash', ['-eu', '-c', script], {
      cwd: root,
      env: { ...process.env, DATA_DIR: dataDirectory },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let complaints = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolveOutput(output)
      else reject(new Error(`the session exited with ${code}: ${complaints}\n${output}`))
    })
  })
}

describe('the README', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-readme-'))
  let bank: BankProcess

  beforeAll(async () => {
    bank = await startBankProcess({ dataDirectory: directory })
  })

  afterAll(async () => {
    await bank.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('has the two commands word for word', () => {
    expect(readme).toContain('npm ci && npm start')
    expect(readme).toContain('npm test ')
  })

  it('shows a session that gives the answers it shows', async () => {
    const steps = sessionSteps()
    expect(steps.length).toBeGreaterThan(6)
    const script = steps
      .map(
        ({ commands }) =>
          `${commands.replaceAll(documentedAddress, bank.baseUrl)}\necho; echo '${separator}'\n`,
      )
      .join('')
    const outputs = (await runInShell(script, directory)).split(separator)
    for (const [index, { answer }] of steps.entries()) {
      if (answer === undefined) continue
      expect(kinds(JSON.parse(outputs[index] ?? ''))).toEqual(kinds(JSON.parse(answer)))
    }
  })
})
