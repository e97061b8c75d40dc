/** A database of its own for the baselines, on the embedded PostgreSQL that the bank runs on. */
import { Client } from 'pg'
import { attachEmbeddedPostgres } from '../server/src/database/embedded/attach.ts'

/** The URL of a new, empty database beside the bank's. */
export async function createBaselineDatabase(dataDirectory: string): Promise<string> {
  const urls = await attachEmbeddedPostgres(dataDirectory)
  if (!urls) throw new Error(`no PostgreSQL answers in ${dataDirectory}`)
  const client = new Client({ connectionString: urls.superuserUrl })
  await client.connect()
  await client.query('create database baseline')
  await client.end()
  const url = new URL(urls.superuserUrl)
  url.pathname = '/baseline'
  return url.href
}
