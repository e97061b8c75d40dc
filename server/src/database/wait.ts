/**
 * Waits for a database that is still coming up, with a limit. What time will not cure, such as a
 * wrong password or a database that does not exist, fails at once.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { DatabaseSetupError, sqlStateOf } from './errors.ts'

const attemptMilliseconds = 5_000
const pauseMilliseconds = 250

/**
 * Resolves when the database answers a query. Throws a {@link DatabaseSetupError} that names
 * address and reason, never the password, when it does not within the limit; 0 tries once.
 */
export async function waitForDatabase(url: string, limitMilliseconds: number): Promise<void> {
  const deadline = performance.now() + limitMilliseconds
  for (;;) {
    const error = await tryOnce(url, Math.max(deadline - performance.now(), 1_000))
    if (error === undefined) return
    if (isFinal(error)) {
      throw new DatabaseSetupError(`${addressOf(url)} refuses: ${reasonOf(error)}`, {
        cause: error,
      })
    }
    if (performance.now() + pauseMilliseconds >= deadline) {
      throw new DatabaseSetupError(
        `no database at ${addressOf(url)} after ${limitMilliseconds / 1000} s: ${reasonOf(error)}`,
        { cause: error },
      )
    }
    await delay(pauseMilliseconds)
  }
}

async function tryOnce(url: string, limitMilliseconds: number): Promise<unknown> {
  const limit = Math.min(limitMilliseconds, attemptMilliseconds)
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: limit,
    query_timeout: limit,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.end()
  }
}

/** An answer of the server, other than that it is starting, stopping or full. */
function isFinal(error: unknown): boolean {
  const code = sqlStateOf(error)
  return code !== undefined && !['57', '53', '08'].includes(code.slice(0, 2))
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return error.errors[0].message
  }
  return error instanceof Error ? error.message : String(error)
}

function addressOf(url: string): string {
  const { host, port, database } = new Client({ connectionString: url })
  const address = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`
  return `${address}/${database ?? ''}`
}
