/** A database of its own for the baselines, on the PostgreSQL that the bank runs on. */
import { Client } from 'pg'

/** The URL of a new, empty database beside the bank's. */
export async function createBaselineDatabase(superuserUrl: string): Promise<string> {
  const client = new Client({ connectionString: superuserUrl })
  await client.connect()
  await client.query('create database baseline')
  await client.end()
  const url = new URL(superuserUrl)
  url.pathname = '/baseline'
  return url.href
}
