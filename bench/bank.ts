/** A bank of the bench's own: a new data folder, a process as `npm start` makes it, and accounts. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attachEmbeddedPostgres } from '../server/src/database/embedded/attach.ts'
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'
import { runLoad, type LoadResult } from './load.ts'
import type { NextRequest } from './requests.ts'
import { admin, seedBank, type SeededBank } from './seed.ts'

export interface BenchSettings {
  logLevel: string
  accountsPerUser: number
}

export interface BenchBank {
  baseUrl: string
  address: { host: string; port: number }
  seeded: SeededBank
  /** The time of its first account. */
  seededAt: Date
  /** Its PostgreSQL. */
  urls: { url: string; superuserUrl: string }
  firstReadySeconds: number
  secondReadySeconds: number
  /** The resident memory of the server, without PostgreSQL. */
  residentMebibytes(): number
}

/** The settings of every bank of the bench. */
export function bankSettings({ logLevel }: BenchSettings): Record<string, string> {
  return {
    BOOTSTRAP_ADMIN_USERNAME: admin.username,
    BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    LOG_LEVEL: logLevel,
    RATE_LIMITS: 'false',
    ACCOUNTS_PER_USER_MAX: '1000',
    // Ten million transfers take longer than the token that a bank gives out by itself.
    ACCESS_TOKEN_DURATION: '24h',
  }
}

export function addressOf(baseUrl: string): { host: string; port: number } {
  const { hostname, port } = new URL(baseUrl)
  return { host: hostname, port: Number(port) }
}

/** Progress goes to standard error; standard output is the report. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function residentMebibytes({ process: { pid } }: BankProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

/** Lends a bank that was started for the second time, with ten users, and removes it after. */
export async function withBank<T>(
  settings: BenchSettings,
  work: (bank: BenchBank) => Promise<T>,
  more: Readonly<Record<string, string>> = {},
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-bench-'))
  const start = { dataDirectory: directory, settings: { ...bankSettings(settings), ...more } }
  try {
    progress('starting a bank for the first time, then again ...')
    const first = await startBankProcess(start)
    await first.stop()
    const bank = await startBankProcess(start)
    try {
      const seededAt = new Date()
      progress('opening accounts ...')
      const { accountsPerUser } = settings
      const seeded = await seedBank(bank.baseUrl, { users: 10, accountsPerUser })
      const urls = await attachEmbeddedPostgres(directory)
      if (!urls) throw new Error(`no PostgreSQL answers in ${directory}`)
      return await work({
        baseUrl: bank.baseUrl,
        address: addressOf(bank.baseUrl),
        seeded,
        seededAt,
        urls,
        firstReadySeconds: first.readyMilliseconds / 1000,
        secondReadySeconds: bank.readyMilliseconds / 1000,
        residentMebibytes: () => residentMebibytes(bank),
      })
    } finally {
      await bank.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export interface LoadShape {
  address: { host: string; port: number }
  connections: number
  seconds: number
  nextRequest: NextRequest
  ratePerSecond?: number
  onAnswer?: (body: Buffer, connection: number) => void
  onPiece?: (piece: Buffer, connection: number) => void
}

/** Runs a load of which every answer has to be a 2xx: all else would be a figure of something else. */
export async function measureLoad(name: string, shape: LoadShape): Promise<LoadResult> {
  progress(`  ${name} ...`)
  const { address, seconds, ...load } = shape
  const result = await runLoad({ ...load, ...address, durationSeconds: seconds })
  assertAllDone(name, result)
  return result
}

export function assertAllDone(name: string, { statuses }: Pick<LoadResult, 'statuses'>): void {
  const others = [...statuses].filter(([status]) => status < 200 || status > 299)
  if (others.length === 0) return
  const list = others.map(([status, count]) => `${count} x ${status}`).join(', ')
  throw new Error(`${name}: not every request was carried out: ${list}`)
}
