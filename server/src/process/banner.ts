/** What a person sees when the bank is open: where it is, how to get in, and what to try next. */
import { join, relative } from 'node:path'
import { firstAdminFileName } from '../identity/bootstrap.ts'
import type { OpenBank } from '../app.ts'

export interface BannerFacts {
  bank: OpenBank
  version: string
  /** Set when the login was not made now but an earlier start kept one. */
  hasFirstAdminFile: boolean
  /** Paths are shown from here. */
  currentDirectory: string
}

export function createBanner(facts: BannerFacts): string {
  const { bank, version } = facts
  const rows: [string, string][] = [
    ['API', bank.apiUrl],
    ['API reference', `${bank.apiUrl}/docs`],
    ['Metrics', bank.metricsUrl],
    ['Data', describeData(facts)],
    ...describeLogin(facts),
    ['Try next', 'npm run demo'],
    ['', 'npx tallystick --help'],
    ['Stop', 'Ctrl-C'],
  ]
  const lines = rows.map(([name, text]) => `  ${name.padEnd(15)}${text}`)
  return `\nTallystick ${version} is open.\n\n${lines.join('\n')}\n\n`
}

function describeData({ bank, currentDirectory }: BannerFacts): string {
  const { dataDirectory } = bank
  if (dataDirectory === undefined) return 'the PostgreSQL of DATABASE_URL'
  return `${shortPath(currentDirectory, dataDirectory)} (embedded PostgreSQL)`
}

/** The password is shown by the start that made it, and never again. */
function describeLogin({
  bank,
  hasFirstAdminFile,
  currentDirectory,
}: BannerFacts): [string, string][] {
  const { firstAdmin, dataDirectory } = bank
  if (firstAdmin.kind === 'created_with_password') {
    const { username, password, file } = firstAdmin
    return [
      ['First login', `username ${username}, password ${password}`],
      ['', `shown only now, kept in ${shortPath(currentDirectory, file)}`],
    ]
  }
  if (firstAdmin.kind === 'created') {
    return [['First login', `username ${firstAdmin.username}, with BOOTSTRAP_ADMIN_PASSWORD`]]
  }
  if (!hasFirstAdminFile || dataDirectory === undefined) return []
  const file = join(dataDirectory, firstAdminFileName)
  return [['First login', `in ${shortPath(currentDirectory, file)}`]]
}

function shortPath(from: string, path: string): string {
  const short = relative(from, path)
  return short.startsWith('..') || short === '' ? path : short
}
