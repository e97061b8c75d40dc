/**
 * A PostgreSQL on which tests make databases, each a clone of one that has been migrated: cloning
 * takes milliseconds, migrating takes many times that.
 *
 * Bounds: a template may have no connections while it is cloned, so clones are made one at a time, under an
 * advisory lock that all test processes share.
 */
import { randomBytes } from 'node:crypto'
import { Client, DatabaseError } from 'pg'
import { ensureRoles, ownerLogin, serverLogin } from '../../server/src/database/embedded/roles.ts'
import { migrate } from '../../server/src/database/migrate.ts'

/** What a test process needs to know; plain data, so that it can be handed to workers. */
export interface DatabaseServer {
  /** Of the database `postgres`. */
  superuserUrl: string
  /** The migrated database that clones are made of. */
  template: string
}

export interface TestDatabase {
  /** The server's login, with the least rights. */
  url: string
  ownerUrl: string
  superuserUrl: string
  /** Ends all its connections and removes it. */
  drop(): Promise<void>
}

// A test server holds nothing worth a secret, and several test runs may share one.
const passwords = { owner: 'owner-of-a-test', server: 'server-of-a-test' }

const CLONE_LOCK = 7_301_226
const DROP_ATTEMPTS = 5
const OBJECT_IN_USE = '55006'

/** Makes the roles and the template on a PostgreSQL, given by the URL of a superuser. */
export async function prepareDatabaseServer(anySuperuserUrl: string): Promise<DatabaseServer> {
  const superuserUrl = withLogin(anySuperuserUrl, 'postgres')
  const template = `tallystick_template_${randomBytes(6).toString('hex')}`
  await withClient(superuserUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [CLONE_LOCK])
    await ensureRoles(client, passwords)
    await client.query(`create database ${template} template template0 owner ${ownerLogin}`)
  })
  await migrate({
    url: withLogin(superuserUrl, template, ownerLogin, passwords.owner),
    serverLogin,
    log: () => {},
  })
  await withClient(superuserUrl, async (client) => {
    await client.query(`alter database ${template} with is_template true allow_connections false`)
  })
  return { superuserUrl, template }
}

/** Removes the template, for a PostgreSQL that stays. */
export async function dropTemplate({ superuserUrl, template }: DatabaseServer): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await client.query(`alter database ${template} with is_template false`)
    await client.query(`drop database ${template}`)
  })
}

/** A new database with the migrated schema and nothing in it. */
export async function cloneDatabase(server: DatabaseServer): Promise<TestDatabase> {
  return createDatabaseFrom(server, server.template)
}

/** A new database with nothing at all in it, for tests of the migrations themselves. */
export async function createEmptyDatabase(server: DatabaseServer): Promise<TestDatabase> {
  return createDatabaseFrom(server, 'template0')
}

async function createDatabaseFrom(server: DatabaseServer, template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await withClient(server.superuserUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [CLONE_LOCK])
    await retryWhileInUse(() =>
      client.query(`create database ${name} template ${template} owner ${ownerLogin}`),
    )
  })
  return {
    url: withLogin(server.superuserUrl, name, serverLogin, passwords.server),
    ownerUrl: withLogin(server.superuserUrl, name, ownerLogin, passwords.owner),
    superuserUrl: withLogin(server.superuserUrl, name),
    async drop() {
      await withClient(server.superuserUrl, async (client) => {
        await retryWhileInUse(() => client.query(`drop database if exists ${name} with (force)`))
      })
    },
  }
}

async function retryWhileInUse(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work()
      return
    } catch (error) {
      const inUse = error instanceof DatabaseError && error.code === OBJECT_IN_USE
      // PostgreSQL itself has waited 5 s for the others before it says so.
      if (!inUse || attempt === DROP_ATTEMPTS) throw error
    }
  }
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'tallystick test' })
  client.on('error', () => {})
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function withLogin(text: string, database: string, user?: string, password?: string): string {
  const url = new URL(text)
  url.pathname = `/${database}`
  if (user !== undefined && password !== undefined) {
    url.username = user
    url.password = password
  }
  return url.href
}
