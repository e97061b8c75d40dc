/**
 * One connection of the ledger and its flights: several statements that go out in one write and
 * whose answers come back in one read.
 *
 * - A flight that fails in the client sends nothing: every parameter is a buffer before the
 *   first byte leaves, so that the driver has nothing left to fail at. (With `pg`'s pipeline a
 *   statement that fails in the client is skipped and the COMMIT behind it still goes out.)
 * - A flight has a client timer. When it ends, the connection is destroyed: whatever the server
 *   still does, no answer will be taken from this connection any more.
 * - Nothing is left in the session: a transaction pooler may hand the next tx to another one.
 */
import { Socket } from 'node:net'
import { Client, type CustomTypesConfig, type QueryArrayResult } from 'pg'
import { Defect, present } from '../../kernel/assert.ts'
import { sendQuery } from '../../database/query.ts'
import type { Statement } from '../../database/statement.ts'

/** One statement of a flight: a constant text, or a declared statement with its parameters. */
export type FlightStatement = string | { statement: Statement; values: readonly Parameter[] }

/** A value as PostgreSQL takes it: bytes in its binary format. */
export type Parameter = Buffer

export interface FlightResult {
  /** The command tag's word, such as `COMMIT` or `ROLLBACK`. */
  command: string
  rows: (string | null)[][]
}

/** The answers in order: a result or the reason why there is none. */
export type FlightAnswer = { result: FlightResult } | { error: unknown }

export interface Connection {
  /** False once it broke; it never recovers. */
  readonly usable: boolean
  /** Throws a `Defect`, with nothing sent, for a parameter that is no buffer; never rejects else. */
  fly(statements: readonly FlightStatement[], limitMilliseconds: number): Promise<FlightAnswer[]>
  close(): Promise<void>
  destroy(): void
}

export interface ConnectionOptions {
  url: string
  applicationName: string
  namedStatements: boolean
  connectLimitMilliseconds: number
}

/** All values come as the text PostgreSQL sends; the statements' readers give them their types. */
const rawText: CustomTypesConfig = { getTypeParser: () => (text: unknown) => text }

export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const socket = new Socket()
  const client = new Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectLimitMilliseconds,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
    stream: () => socket,
    types: rawText,
  })
  let usable = true
  // Without a listener the end of an idle connection would end the process.
  client.on('error', () => {
    usable = false
  })
  client.on('end', () => {
    usable = false
  })
  await client.connect()

  function destroy(): void {
    usable = false
    socket.destroy()
  }

  async function send(statement: FlightStatement): Promise<FlightAnswer> {
    try {
      const result =
        typeof statement === 'string'
          ? await sendQuery<(string | null)[]>(client, { text: statement, rowMode: 'array' })
          : await sendQuery<(string | null)[]>(client, {
              ...(options.namedStatements && { name: statement.statement.name }),
              text: statement.statement.text,
              values: [...statement.values],
              rowMode: 'array',
            })
      // A text of several commands gives a list of results, of which the last counts.
      const last: QueryArrayResult<(string | null)[]> = Array.isArray(result)
        ? present(result.at(-1), 'the last of several results')
        : result
      return { result: { command: last.command, rows: last.rows } }
    } catch (error) {
      return { error }
    }
  }

  async function fly(
    statements: readonly FlightStatement[],
    limitMilliseconds: number,
  ): Promise<FlightAnswer[]> {
    for (const statement of statements) {
      if (typeof statement === 'string') continue
      for (const value of statement.values) {
        if (!Buffer.isBuffer(value)) {
          throw new Defect(`a parameter of ${statement.statement.name} is not in binary form`)
        }
      }
    }
    const timer = setTimeout(destroy, limitMilliseconds)
    socket.cork()
    const answers = statements.map(send)
    socket.uncork()
    try {
      return await Promise.all(answers)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    get usable() {
      return usable
    },
    fly,
    async close() {
      usable = false
      await client.end()
    },
    destroy,
  }
}
