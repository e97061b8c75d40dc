import { Client } from 'pg'
import type { QueryResultRow } from 'pg'

/** Runs one statement, or several without parameters, on a connection of its own. */
export async function queryOnce<Row extends QueryResultRow>(
  url: string,
  text: string,
): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  // A connection that dies also fails the statement under way.
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
