/**
 * A real PostgreSQL from npm-delivered binaries, for a bank that is given no DATABASE_URL.
 *
 * One server per data folder. Commits are durable (fsync, synchronous_commit, checksums). Nobody but
 * the folder's owner reaches it, and only with a generated password. It runs in a session of its
 * own, so a Ctrl-C in the terminal reaches the server only, which stops it when it has drained.
 *
 * Phases of a start: lock the folder; find the programs and as whom to run them; passwords; initdb
 * when there is no cluster; clear away what an earlier PostgreSQL left; start; roles and database.
 * A start may be killed at any point: the next one goes on from what is there.
 */
import { mkdir, realpath } from 'node:fs/promises'
import { Client } from 'pg'
import { urlsAt } from './address.ts'
import type { Urls } from './address.ts'
import { findBinaries } from './binaries.ts'
import { EmbeddedPostgresError } from './error.ts'
import { lockFolder } from './folder-lock.ts'
import { hasCluster, initializeCluster, removeUnfinished } from './initialize.ts'
import { layoutOf } from './layout.ts'
import type { Layout } from './layout.ts'
import { createPasswords, readPasswords } from './passwords.ts'
import type { Passwords } from './passwords.ts'
import { ensureDatabase, ensureRoles } from './roles.ts'
import { chooseRunAs } from './run-as.ts'
import { durableSettings } from './settings.ts'
import type { Settings } from './settings.ts'
import { startPostmaster } from './start-postmaster.ts'
import type { PostmasterExit, RunningPostmaster } from './start-postmaster.ts'

export interface EmbeddedPostgres extends Urls {
  /** The data folder: absolute, links resolved. */
  dataDirectory: string
  /** PostgreSQL's messages. */
  logFile: string
  /** PostgreSQL's process id. */
  pid: number
  /** Stops PostgreSQL cleanly and lets go of the folder. Waits for both; may be called again. */
  stop(): Promise<void>
  /** Fulfilled when PostgreSQL has ended, by {@link stop} or by itself; never rejected. */
  readonly exited: Promise<PostmasterExit>
}

export interface EmbeddedPostgresOptions {
  dataDirectory: string
  /** Progress, for people. */
  log: (line: string) => void
  /** Override the settings, the durable ones included: for tests. */
  settings?: Settings
}

/**
 * Starts the PostgreSQL of a data folder, making both when there is none.
 * Fails with an {@link EmbeddedPostgresError} when the folder is in use or PostgreSQL cannot run.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const layout = await makeFolder(options.dataDirectory)
  const lock = await lockFolder(layout)
  try {
    const { postmaster, passwords } = await startInFolder(layout, options)
    const stop = async (): Promise<void> => {
      await postmaster.stop()
      await lock.release()
    }
    let stopping: Promise<void> | undefined
    return {
      ...urlsAt(postmaster.address, passwords),
      dataDirectory: layout.folder,
      logFile: layout.log,
      pid: postmaster.pid,
      exited: postmaster.exited,
      stop: () => (stopping ??= stop()),
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function makeFolder(dataDirectory: string): Promise<Layout> {
  try {
    await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
    return layoutOf(await realpath(dataDirectory))
  } catch (error) {
    throw new EmbeddedPostgresError(
      `the data folder ${dataDirectory} cannot be made or entered: set DATA_DIR to a folder that can`,
      { cause: error },
    )
  }
}

async function startInFolder(
  layout: Layout,
  options: EmbeddedPostgresOptions,
): Promise<{ postmaster: RunningPostmaster; passwords: Passwords }> {
  const settings = { ...durableSettings, ...options.settings }
  const binaries = await findBinaries(layout.libraries)
  const first = !(await hasCluster(layout))
  const runAs = await chooseRunAs(layout, binaries, first)
  const passwords = await passwordsFor(layout, first)
  await removeUnfinished(layout)
  if (first) {
    options.log(`preparing a new database in ${layout.folder} ...`)
    await initializeCluster(layout, binaries, runAs, {
      superuserPassword: passwords.superuser,
      sync: settings['fsync'] !== 'off',
    })
  }
  const postmaster = await startPostmaster({ layout, binaries, runAs, settings, log: options.log })
  try {
    await prepare(urlsAt(postmaster.address, passwords).superuserUrl, passwords)
  } catch (error) {
    await postmaster.stop()
    throw error
  }
  return { postmaster, passwords }
}

async function passwordsFor(layout: Layout, first: boolean): Promise<Passwords> {
  const passwords = await readPasswords(layout.passwords)
  if (passwords) return passwords
  if (first) return createPasswords(layout.passwords)
  throw new EmbeddedPostgresError(
    `${layout.passwords} is missing, without which the database beside it cannot be opened: ` +
      'restore it from a copy of the data folder',
  )
}

async function prepare(superuserUrl: string, passwords: Passwords): Promise<void> {
  const url = new URL(superuserUrl)
  url.pathname = '/postgres'
  const client = new Client({
    connectionString: url.href,
    application_name: 'tallystick start',
    connectionTimeoutMillis: 30_000,
  })
  // A lost connection also fails the query under way, which is where it is seen.
  client.on('error', () => {})
  await client.connect()
  try {
    await ensureRoles(client, passwords)
    await ensureDatabase(client)
  } finally {
    await client.end()
  }
}
