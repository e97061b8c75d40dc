/**
 * The commands of docs/operating/export.md, word for word, beside a running bank. Needs hledger
 * (`apt-get install hledger`); without it that part is skipped.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seedBank, admin } from '../bench/seed.ts'
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'
import { runCommand } from '../tools/command.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/operating/export.md'), 'utf8')
const isInstalled = spawnSync('hledger', ['--version']).status === 0
if (!isInstalled) process.stderr.write('skipped: there is no hledger to read the export\n')

describe('docs/operating/export.md', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-export-'))
  let bank: BankProcess

  beforeAll(async () => {
    bank = await startBankProcess({
      dataDirectory: directory,
      settings: {
        APP_ENV_FILE: '/dev/null',
        BOOTSTRAP_ADMIN_USERNAME: admin.username,
        BOOTSTRAP_ADMIN_PASSWORD: admin.password,
      },
    })
    await seedBank(bank.baseUrl, { users: 2, accountsPerUser: 2 })
  })

  afterAll(async () => {
    await bank.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it.skipIf(!isInstalled)('has commands that do what it says on a running bank', async () => {
    const [, commands = ''] = /```bash\n([\s\S]*?)```/.exec(page) ?? []
    const env = {
      ...process.env,
      APP_ENV_FILE: '/dev/null',
      DATA_DIR: directory,
      TMPDIR: directory,
      LC_ALL: 'C.UTF-8',
    }
    const { stdout } = await run('bash', ['-eu', '-c', commands], { cwd: root, env })
    expect(stdout).toMatch(/EUR 40000000\.00 {2}bank:cash:EUR/)
  })

  it('has a trial balance beside it that balances', async () => {
    const settings = { APP_ENV_FILE: '/dev/null', DATA_DIR: directory }
    const text = await runCommand(['trial-balance'], { settings })
    expect(text).toMatch(/^balanced +40,000,000\.00 +40,000,000\.00 +0\.00$/m)
  })
})
