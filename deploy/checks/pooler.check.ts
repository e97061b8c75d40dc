/**
 * Two servers through pgbouncer in transaction mode, with named statements off: the story of the API
 * passes, sessions, idempotency keys and limits hold across the two, and the auditor is silent.
 * Migrations go to PostgreSQL itself.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { sharedBankSettings } from '../../test/support/bank-settings.ts'
import { startTestPostgres } from '../../test/support/postgres.ts'
import { startBankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { projectFolder } from './support/paths.ts'
import { startPooler } from './support/pooler.ts'
import { expectTool, findTool, runTool } from './support/tool.ts'
import { findSharingProblems } from './support/two-servers.ts'

const story = 'test/api/story.system.test.ts'

export const check: Check = {
  name: 'pooler: the bank through pgbouncer',
  async run(): Promise<Verdict> {
    if (findTool('pgbouncer') === undefined) {
      const reason = 'no pgbouncer here: apt-get install pgbouncer'
      return { kind: 'skipped', tool: 'pgbouncer', reason }
    }
    const version = /PgBouncer (\S+)/.exec(await expectTool('pgbouncer', ['--version']))?.[1]
    const problems = [...(await findStoryProblems()), ...(await findTwoServerProblems())]
    const detail = 'transaction mode, no named statements: the story, two servers'
    return judge(`pgbouncer ${version ?? 'unknown'}`, problems, detail)
  },
}

/** Runs `work` with the settings of a new bank behind the pooler. */
async function withPooledBank(
  work: (settings: Record<string, string>) => Promise<string[]>,
): Promise<string[]> {
  const postgres = await startTestPostgres()
  try {
    const pooler = await startPooler(postgres.url)
    try {
      return await work({
        ...sharedBankSettings({ url: pooler.url, ownerUrl: postgres.ownerUrl }),
        APP_ENV_FILE: '/dev/null',
        DATABASE_NAMED_STATEMENTS: 'false',
      })
    } finally {
      await pooler.stop()
    }
  } finally {
    await postgres.stop()
  }
}

function findStoryProblems(): Promise<string[]> {
  return withPooledBank(async (settings) => {
    const vitest = join(projectFolder, 'node_modules/.bin/vitest')
    const { exitCode, output, complaints } = await runTool(
      vitest,
      ['run', '--project', 'system', story],
      {
        folder: projectFolder,
        environment: {
          TEST_BANK_SETTINGS: JSON.stringify({
            ...settings,
            TOKEN_SYMMETRIC_KEY: randomBytes(32).toString('hex'),
            LOG_LEVEL: 'info',
          }),
        },
      },
    )
    return exitCode === 0 ? [] : `${complaints}${output}`.trim().split('\n').slice(0, 40)
  })
}

function findTwoServerProblems(): Promise<string[]> {
  return withPooledBank(async (given) => {
    const settings = { ...given, RATE_LIMITS: 'true' }
    const banks = await Promise.all([
      startBankProcess({ settings }),
      startBankProcess({ settings }),
    ])
    try {
      const [first, second] = banks
      const problems = await findSharingProblems(first.baseUrl, second.baseUrl)
      const verdict = await runCommand(['audit'], { settings })
      if (!verdict.includes('The books are right')) problems.push(verdict)
      return problems.length === 0 ? [] : [...problems, ...first.output().split('\n').slice(-10)]
    } finally {
      await Promise.all(banks.map((bank) => bank.kill()))
    }
  })
}
