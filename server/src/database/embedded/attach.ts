/** Finds the embedded PostgreSQL of a running bank, for the command line. */
import { realpath } from 'node:fs/promises'
import { Client } from 'pg'
import { urlsAt } from './address.ts'
import type { Urls } from './address.ts'
import { layoutOf } from './layout.ts'
import { readPasswords } from './passwords.ts'
import { readPostmaster } from './postmaster-file.ts'

/** The URLs of the PostgreSQL that answers in this data folder, or `undefined` when none does. */
export async function attachEmbeddedPostgres(dataDirectory: string): Promise<Urls | undefined> {
  const folder = await realpath(dataDirectory).catch(() => undefined)
  if (folder === undefined) return undefined
  const layout = layoutOf(folder)
  const postmaster = await readPostmaster(layout.cluster)
  const passwords = await readPasswords(layout.passwords)
  if (!postmaster?.address || !postmaster.ready || !passwords) return undefined
  const urls = urlsAt(postmaster.address, passwords)
  return (await accepts(urls.url)) ? urls : undefined
}

async function accepts(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
