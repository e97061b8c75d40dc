/**
 * One server per data folder, by a lock that the operating system takes away when its holder dies,
 * also at kill -9 or a power cut, so there is no stale lock and nothing to guess from process ids
 * (which are reused, and mean nothing between two containers on one volume).
 *
 * Node has no flock or fcntl of its own, but it carries SQLite, which holds its exclusive lock as an
 * fcntl lock on the file (and the equivalent on other platforms) for as long as a tx is open. The
 * database is empty and stays empty. The pid file beside it only lets the refusal name the holder.
 */
import { chmod, rm, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedPostgresError } from './error.ts'
import { readIfThere } from './files.ts'
import type { Layout } from './layout.ts'

export interface FolderLock {
  release(): Promise<void>
}

const SQLITE_BUSY = 5

/** Takes the lock at once or fails with an error that names the folder and the holder's pid. */
export async function lockFolder(layout: Layout): Promise<FolderLock> {
  const database = await openLock(layout)
  try {
    // Nothing is ever written, so no journal file is needed beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw cannotWrite(layout, error)
    const holder = (await readIfThere(layout.lockHolder))?.trim()
    throw new EmbeddedPostgresError(
      `another server${holder ? ` (pid ${holder})` : ''} is running on the data folder ` +
        `${layout.folder}: stop it, or set DATA_DIR to another folder`,
    )
  }
  await writeFile(layout.lockHolder, `${process.pid}\n`, { mode: 0o600 })
  return {
    async release() {
      await rm(layout.lockHolder, { force: true })
      database.close()
    },
  }
}

async function openLock(layout: Layout): Promise<DatabaseSync> {
  try {
    const database = new DatabaseSync(layout.lock, { timeout: 0 })
    // Whoever may read the file may lock it.
    await chmod(layout.lock, 0o600)
    return database
  } catch (error) {
    throw cannotWrite(layout, error)
  }
}

function cannotWrite(layout: Layout, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `${layout.lock} cannot be opened and locked by this user: set DATA_DIR to a folder of your own ` +
      'on a local disk',
    { cause },
  )
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
