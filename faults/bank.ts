/**
 * A bank to let faults loose in: a durable PostgreSQL in a folder of its own, servers on it, customers
 * with money, and the books of its clients.
 *
 * The first server has a direct line to the database, each other one goes through a proxy of its own.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { admin } from '../bench/seed.ts'
import { createApi } from '../tools/api.ts'
import { addressOf } from '../test/support/tcp-proxy.ts'
import { createBook, type Book } from './book.ts'
import { createClient, type Client } from './client.ts'
import type { PostgresHost } from './fault.ts'
import type { CustomerAccount } from './instruction.ts'
import { createInstructionSource, type InstructionSource } from './instructions.ts'
import { startPostgresHost } from './postgres-host.ts'
import { createProxy, type Proxy } from './proxy/proxy.ts'
import { startServerHost, type ManagedServer } from './server-host.ts'
import { createWatch, type Watch } from './watch.ts'

export interface RoutedManagedServer extends ManagedServer {
  readonly route: Proxy
}

export interface Bank {
  postgres: PostgresHost
  servers: readonly ManagedServer[]
  routed: readonly RoutedManagedServer[]
  accounts: readonly CustomerAccount[]
  client: Client
  book: Book
  watch: Watch
  source: InstructionSource
  /** Ends every process of it; its folder stays. */
  stop(): Promise<void>
}

export interface BankOptions {
  /** An empty folder. */
  folder: string
  /** The sources of the servers. */
  root: string
  postgresSettings?: Readonly<Record<string, string>>
  serverSettings?: Readonly<Record<string, string>>
}

const users = 4
const accountsPerUser = 5
const hotCount = 2

export async function startBank(options: BankOptions): Promise<Bank> {
  const undo: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const each of undo.splice(0).toReversed()) await each()
  }
  try {
    return { ...(await startParts(options, undo)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startParts(
  options: BankOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<Bank, 'stop'>> {
  const { folder, root } = options
  const postgres = await startPostgresHost(join(folder, 'data'), options.postgresSettings)
  undo.push(() => postgres.stop())

  const shared = { ...settingsOf(postgres), ...options.serverSettings }
  async function startServer(name: string, url: string): Promise<ManagedServer> {
    const dataDirectory = join(folder, `server-${name}`)
    await mkdir(dataDirectory)
    const settings = { ...shared, DATABASE_URL: url, DATA_DIR: dataDirectory }
    const server = await startServerHost({ name, settings, root })
    undo.push(async () => {
      if (server.pid !== undefined) await server.kill()
    })
    return server
  }

  const first = await startServer('A', postgres.url)
  const route = await createProxy(() => postgres.connect())
  undo.push(() => route.close())
  const second = await startServer(
    'B',
    `${addressOf(postgres.url).urlAt(route.port)}?sslmode=disable`,
  )

  const client = createClient()
  undo.push(async () => client.close())
  const { accounts, tellerToken } = await openAccounts(first.baseUrl)
  const source = createInstructionSource({
    hot: accounts.slice(0, hotCount),
    cold: accounts.slice(hotCount),
    tellerToken,
  })
  const book = createBook(client)
  for (const account of accounts) await book.ask(book.add(source.opening(account), 0), first)
  const [unposted] = book.open()
  if (unposted) throw new Error(`a first deposit was not posted: ${unposted.trail.join()}`)

  return {
    postgres,
    servers: [first, second],
    routed: [Object.assign(second, { route })],
    accounts,
    client,
    book,
    watch: createWatch(),
    source,
  }
}

function settingsOf(postgres: PostgresHost): Record<string, string> {
  return {
    MIGRATION_DATABASE_URL: postgres.ownerUrl,
    TOKEN_SYMMETRIC_KEY: randomBytes(32).toString('hex'),
    ACCESS_TOKEN_DURATION: '1d',
    BCRYPT_COST: '4',
    LOG_LEVEL: 'warn',
    // All clients have one address.
    RATE_LIMITS: 'false',
    BOOTSTRAP_ADMIN_USERNAME: admin.username,
    BOOTSTRAP_ADMIN_PASSWORD: admin.password,
  }
}

async function openAccounts(
  baseUrl: string,
): Promise<{ accounts: CustomerAccount[]; tellerToken: string }> {
  const api = createApi(baseUrl)
  const login = async (body: { username: string; password: string }): Promise<string> =>
    api.text(await api.call('POST', '/v1/sessions', { body }), 'access_token')

  const accounts: CustomerAccount[] = []
  for (let count = 0; count < users; count += 1) {
    const username = `customer_${count}`
    const credentials = { username, password: `password of ${username}` }
    const email = `${username}@example.com`
    await api.call('POST', '/v1/users', { body: { ...credentials, full_name: username, email } })
    const token = await login(credentials)
    for (let each = 0; each < accountsPerUser; each += 1) {
      const account = await api.call('POST', '/v1/accounts', { token, body: { currency: 'EUR' } })
      accounts.push({ id: api.text(account, 'id'), token })
    }
  }
  return { accounts, tellerToken: await login(admin) }
}
