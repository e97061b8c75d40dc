/**
 * One query on a client, by `pg`'s callback.
 *
 * With `pg`'s own promises, the results of queries that were long over kept each other alive through
 * the scavenges of the young generation: 2.4 KB of each with twenty rows grew old, and none by the
 * callback (pg 8.23, Node 24.21; 2026-11-22). At full load that was the larger part of all that V8
 * had to mark.
 */
import type { ClientBase, QueryResult, QueryResultRow } from 'pg'

interface Query {
  /** Under which it is prepared, once for each session. */
  name?: string
  text: string
  values?: unknown[]
  rowMode?: 'array'
  query_timeout?: number
}

/** Rejects with the error of the server or the connection, whose stack leads to the caller. */
export async function sendQuery<Row extends QueryResultRow>(
  client: Pick<ClientBase, 'query'>,
  query: Query,
): Promise<QueryResult<Row>> {
  try {
    return await new Promise<QueryResult<Row>>((resolve, reject) => {
      client.query<Row>(query, (error: Error | null, result) =>
        error ? reject(error) : resolve(result),
      )
    })
  } catch (error) {
    if (error instanceof Error) Error.captureStackTrace(error)
    throw error
  }
}
