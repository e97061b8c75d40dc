/**
 * The bank's PostgreSQL, whichever it is: the external one of DATABASE_URL, or the embedded one of
 * the data folder. For the server and for the command line.
 */
import { Client } from 'pg'
import type { Config, DatabaseConfig } from '../config/config.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { attachEmbeddedPostgres } from '../database/embedded/attach.ts'
import { startEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts'
import { migrate } from '../database/migrate.ts'
import { findServerRole } from '../database/roles.ts'
import { waitForDatabase } from '../database/wait.ts'

export interface BankDatabase {
  /** The server's login. */
  url: string
  /** The login that owns the schema; the same where there is one login. */
  ownerUrl: string
  /** The data folder, absolute, where PostgreSQL is the embedded one. */
  dataDirectory: string | undefined
  /** Fulfilled, with words for people, when an embedded PostgreSQL that was started here has ended. */
  exited: Promise<string> | undefined
  /** Stops what was started here. */
  close(): Promise<void>
}

export interface OpenBankDatabaseOptions {
  database: DatabaseConfig
  log: (line: string) => void
  /** The command line works on the PostgreSQL of a running bank; a server has its own or none. */
  attach: boolean
  /** Whose connection is waited for: a migration may come before the server's login can do anything. */
  login?: 'server' | 'owner'
}

export async function openBankDatabase(options: OpenBankDatabaseOptions): Promise<BankDatabase> {
  const { database, log } = options
  if (database.kind === 'external') {
    const { url, migrationUrl: ownerUrl, waitMilliseconds } = database
    await waitForDatabase(options.login === 'owner' ? ownerUrl : url, waitMilliseconds)
    return { url, ownerUrl, dataDirectory: undefined, exited: undefined, close: async () => {} }
  }
  const { dataDirectory } = database
  const running = options.attach ? await attachEmbeddedPostgres(dataDirectory) : undefined
  if (running) {
    const { url, ownerUrl } = running
    return { url, ownerUrl, dataDirectory, exited: undefined, close: async () => {} }
  }
  const embedded = await startEmbeddedPostgres({ dataDirectory, log })
  return {
    url: embedded.url,
    ownerUrl: embedded.ownerUrl,
    dataDirectory: embedded.dataDirectory,
    exited: embedded.exited.then(
      () => `the embedded PostgreSQL has ended by itself: ${embedded.logFile} may say why`,
    ),
    close: () => embedded.stop(),
  }
}

/** Brings the schema up to date and gives the server's login its rights. */
export function migrateBank(
  { url, ownerUrl }: Pick<BankDatabase, 'url' | 'ownerUrl'>,
  log: (line: string) => void,
): Promise<{ applied: string[] }> {
  const serverLogin = loginOf(url)
  const isOther = serverLogin !== loginOf(ownerUrl)
  return migrate({ url: ownerUrl, log, ...(isOther && { serverLogin }) })
}

function loginOf(url: string): string {
  return new Client({ connectionString: url }).user ?? ''
}

/** The pool of the server's login, and the role that each of its txs takes on. */
export async function connectBank(
  url: string,
  database: Config['database'],
  warn: (line: string) => void,
): Promise<{ database: Database; role: string | undefined }> {
  const client = new Client({ connectionString: url, application_name: 'tallystick start' })
  // A lost connection also fails the query under way.
  client.on('error', () => undefined)
  await client.connect()
  const { role, warning } = await findServerRole(client)
  await client.end()
  if (warning !== undefined) warn(warning)
  const { poolSize, namedStatements } = database
  const pool = createDatabase({
    url,
    poolSize,
    namedStatements,
    applicationName: 'tallystick',
    ...(role !== undefined && { role }),
  })
  return { database: pool, role }
}
