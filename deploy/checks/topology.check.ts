/**
 * Two servers behind nginx with TLS on one PostgreSQL. A rolling restart of both under load loses no
 * request: every answer is a 201, every one of them is in the database once, and the auditor is
 * silent. Sessions, idempotency keys and limits hold across the two.
 *
 * A restart is what a cluster does: the edge forgets the server, then the server is asked to stop,
 * then a new one takes its place. It is asked while a transfer is under way in it, which it answers
 * before it ends.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { present } from '../../server/src/kernel/assert.ts'
import { startTestPostgres } from '../../test/support/postgres.ts'
import { sharedBankSettings } from '../../test/support/bank-settings.ts'
import { queryOnce } from '../../test/support/query.ts'
import { seedBank } from '../../bench/seed.ts'
import { startBankProcess, type BankProcess } from '../../tools/bank-process.ts'
import { runCommand } from '../../tools/command.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { startEdge, type Edge } from './support/edge.ts'
import { holdTransfer, type HeldTransfer } from './support/held-transfer.ts'
import { startLoad } from './support/load.ts'
import { findTool, runTool } from './support/tool.ts'
import { findSharingProblems } from './support/two-servers.ts'

const transfersBetweenSteps = 200

export const check: Check = {
  name: 'topology: two servers behind nginx',
  async run(): Promise<Verdict> {
    const missing = ['nginx', 'openssl'].filter((command) => findTool(command) === undefined)
    if (missing.length > 0 || process.platform !== 'linux') {
      const reason = `no ${missing.join(' and no ')} here: apt-get install nginx openssl`
      return { kind: 'skipped', tool: 'nginx', reason }
    }
    const { complaints } = await runTool('nginx', ['-v'])
    const version = /nginx\/(\S+)/.exec(complaints)?.[1] ?? 'unknown'
    const postgres = await startTestPostgres()
    try {
      const settings = {
        ...sharedBankSettings(postgres),
        APP_ENV_FILE: '/dev/null',
        RATE_LIMITS: 'true',
      }
      const { problems, count } = await findTopologyProblems(settings, postgres.ownerUrl)
      const detail = `${count} transfers over TLS during a rolling restart, none lost`
      return judge(`nginx ${version}`, problems, detail)
    } finally {
      await postgres.stop()
    }
  },
}

async function findTopologyProblems(
  settings: Readonly<Record<string, string>>,
  ownerUrl: string,
): Promise<{ problems: string[]; count: number }> {
  const behindEdge = { ...settings, TRUSTED_PROXIES: '127.0.0.1' }
  const banks = await Promise.all([
    startBankProcess({ settings: behindEdge }),
    startBankProcess({ settings: behindEdge }),
  ])
  const edge = await startEdge(banks.map(addressOf))
  try {
    const [first, second] = banks
    const { accounts, hot } = await seedBank(first.baseUrl, { users: 4, accountsPerUser: 6 })
    const problems = await findSharingProblems(first.baseUrl, second.baseUrl)
    const load = startLoad(edge, accounts)
    const held: string[] = []
    const hold = (bank: BankProcess) =>
      holdTransfer(bank.baseUrl, ownerUrl, { from: hot, to: present(accounts[0], 'an account') })
    for (const index of [0, 1] as const) {
      await load.acknowledged(transfersBetweenSteps)
      const restarted = await restart({ edge, banks, index, settings: behindEdge, hold })
      problems.push(...restarted.problems)
      held.push(...restarted.ids)
    }
    await load.acknowledged(transfersBetweenSteps)
    const { ids: loaded, failures } = await load.stop()
    const ids = [...loaded, ...held]
    problems.push(...failures.slice(0, 5).map((text) => `a request was lost: ${text}`))
    const rows = await queryOnce<{ count: string }>(
      ownerUrl,
      `select count(*) from transfer where kind = 'transfer'`,
    )
    const stored = Number(rows[0]?.count)
    const distinct = new Set(ids).size
    if (stored !== ids.length || distinct !== ids.length) {
      problems.push(`${ids.length} answers, ${distinct} different, and ${stored} transfers`)
    }
    const verdict = await runCommand(['audit'], { settings })
    if (!verdict.includes('The books are right')) problems.push(verdict)
    if (problems.length > 0) problems.push(edge.complaints())
    return { problems, count: ids.length }
  } finally {
    await edge.stop()
    await Promise.all(banks.map((bank) => bank.kill()))
  }
}

interface Restart {
  edge: Edge
  banks: BankProcess[]
  index: 0 | 1
  settings: Readonly<Record<string, string>>
  hold: (bank: BankProcess) => Promise<HeldTransfer>
}

/** Takes one out of the edge, stops it, starts another in its place and puts that in. */
async function restart({
  edge,
  banks,
  index,
  settings,
  hold,
}: Restart): Promise<{ problems: string[]; ids: string[] }> {
  const old = present(banks[index], 'a server')
  const other = present(banks[1 - index], 'the other server')
  await edge.route([addressOf(other)])
  const transfer = await hold(old)
  const stopping = old.stop()
  await untilClosed(old)
  const problems: string[] = []
  const ids = await transfer.release().then(
    (id) => [id],
    (error: unknown) => {
      problems.push(`what was under way in a server that stopped was lost: ${String(error)}`)
      return []
    },
  )
  const exitCode = await stopping
  if (exitCode !== 0) problems.push(`a server ended with ${exitCode}: ${old.output().slice(-1000)}`)
  banks[index] = await startBankProcess({ settings })
  await edge.route(banks.map(addressOf))
  return { problems, ids }
}

/** Resolves when nobody gets in any more: the server is stopping. */
async function untilClosed({ baseUrl }: BankProcess): Promise<void> {
  const isOpen = () =>
    fetch(`${baseUrl}/livez`).then(
      (answer) => answer.ok,
      () => false,
    )
  while (await isOpen()) await delay(10)
}

function addressOf({ baseUrl }: BankProcess): string {
  return new URL(baseUrl).host
}
