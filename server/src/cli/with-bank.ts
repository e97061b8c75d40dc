/** Lends a command the bank's database: that of a running bank, or one that is started for it. */
import { existsSync } from 'node:fs'
import { loadConfig, type Config } from '../config/config.ts'
import { readConfigSources } from '../config/sources.ts'
import { assertCompatible } from '../database/compatibility.ts'
import type { Database } from '../database/database.ts'
import { addAwsSecrets } from '../process/aws-secrets.ts'
import { connectBank, openBankDatabase, type BankDatabase } from '../process/database.ts'
import { version } from '../version.ts'
import { CommandError } from './command-error.ts'

/** Progress goes to standard error, so that standard output is the answer alone. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

export async function readConfig(): Promise<Config> {
  return loadConfig(await addAwsSecrets(readConfigSources()), { purpose: 'command' })
}

export async function withBankDatabase<T>(
  config: Config,
  login: 'server' | 'owner',
  work: (bank: BankDatabase) => Promise<T>,
): Promise<T> {
  requireDataFolder(config, login)
  const bank = await openBankDatabase({ database: config.database, log: note, attach: true, login })
  try {
    return await work(bank)
  } finally {
    await bank.close()
  }
}

/** Only a migration may make a new bank: any other command meant one that is somewhere else. */
function requireDataFolder({ database }: Config, login: 'server' | 'owner'): void {
  if (database.kind === 'external' || login === 'owner') return
  const { dataDirectory } = database
  if (existsSync(dataDirectory)) return
  throw new CommandError(
    `there is no bank in ${dataDirectory}: \`npm start\` makes one; DATA_DIR or DATABASE_URL name another`,
  )
}

/** The same with a pool of the server's login, on a schema that this program may use. */
export function withDatabase<T>(
  config: Config,
  work: (database: Database, bank: BankDatabase) => Promise<T>,
): Promise<T> {
  return withBankDatabase(config, 'server', async (bank) => {
    const { database } = await connectBank(bank.url, { ...config.database, poolSize: 2 }, note)
    try {
      await assertCompatible(database, version)
      return await work(database, bank)
    } finally {
      await database.close()
    }
  })
}
