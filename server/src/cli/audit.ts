/** `tallystick audit` and `tallystick trial-balance`: is every amount where it should be? */
import { Command } from 'commander'
import { present } from '../kernel/assert.ts'
import { findCurrency } from '../kernel/currency.ts'
import {
  acceptVerdict,
  auditLedger,
  trialBalance,
  type AuditFinding,
  type AuditReport,
  type TrialBalance,
} from '../ledger/ledger.ts'
import { CommandError } from './command-error.ts'
import { formatMinor, formatTable } from './table.ts'
import { note, readConfig, withBankDatabase, withDatabase } from './with-bank.ts'

/** Told apart from a verdict: the audit itself could not be made. */
const notAuditedExitCode = 2

export function createAuditCommand(): Command {
  return new Command('audit')
    .description('recompute everything from the transfers and compare')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExits with 0 when all is well, 1 with findings, 2 when it could not look.',
    )
    .action(async ({ json }: { json?: boolean }) => {
      const config = await readConfig()
      const report = await withBankDatabase(config, 'server', async ({ url }) => {
        const made = await auditLedger({ url, onProgress: showProgress })
        if (made.findings.length === 0) await settle(url, made.at)
        return made
      }).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        throw new CommandError(`the audit could not be made: ${reason}`, notAuditedExitCode)
      })
      const text = json
        ? JSON.stringify(report, null, 2)
        : describeReport(report, config.bank.timeZone)
      process.stdout.write(`${text}\n`)
      if (report.findings.length > 0) process.exitCode = 1
    })
}

export function createTrialBalanceCommand(): Command {
  return new Command('trial-balance')
    .description('the sums of all accounts, debit and credit, and what is held, by currency')
    .action(async () => {
      const balances = await withDatabase(await readConfig(), ({ pool }) => trialBalance(pool))
      process.stdout.write(`${describeTrialBalance(balances)}\n`)
      if (balances.some(({ debit, credit }) => debit !== credit)) process.exitCode = 1
    })
}

/** On a standby, which cannot be written to, the verdict stays as it is. */
async function settle(url: string, at: Date): Promise<void> {
  const isSettled = await acceptVerdict(url, at).catch(() => false)
  if (isSettled) note('settled what the scheduled audit had found before')
}

function showProgress({ title, number, count }: { title: string; number: number; count: number }) {
  if (process.stderr.isTTY) note(`${number}/${count} ${title}`)
}

export function describeReport(report: AuditReport, timeZone: string): string {
  const { findings, at, accountCount, transferCount, checkCount } = report
  const time = at.toLocaleString('sv-SE', { timeZone })
  const scope =
    `${checkCount} checks over ${accountCount} accounts and ${transferCount} transfers, ` +
    `as of ${time} ${timeZone}`
  if (findings.length === 0) return `The books are right: ${scope}.`
  return `THE BOOKS ARE WRONG: ${scope}.\n\n${findings.map(describeFinding).join('\n\n')}`
}

function describeFinding({ check, guarantee, count, rows }: AuditFinding): string {
  const more = count > rows.length ? `\n  and ${count - rows.length} more` : ''
  const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join('\n')
  return `${check}: ${guarantee}\n${lines}${more}`
}

export function describeTrialBalance(balances: readonly TrialBalance[]): string {
  if (balances.length === 0) return 'There are no accounts yet.'
  return balances.map(describeCurrency).join('\n\n')
}

function describeCurrency({ currency, lines, debit, credit, held }: TrialBalance): string {
  const { exponent } = present(findCurrency(currency), currency)
  const amount = (value: bigint) => formatMinor(value, exponent)
  const rows = lines.map(({ code, accountCount, ...sums }) => [
    code ?? `customers (${accountCount})`,
    amount(sums.debit),
    amount(sums.credit),
    amount(sums.held),
  ])
  const verdict = debit === credit ? 'balanced' : 'NOT BALANCED'
  const total = [verdict, amount(debit), amount(credit), amount(held)]
  return formatTable([[currency, 'debit', 'credit', 'held'], ...rows, total], [1, 2, 3])
}
