/**
 * Makes a new cluster: in a folder of another name, which is renamed when it is complete and on disk,
 * so a start that is killed half way leaves nothing that looks like a database.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './error.ts'
import { readIfThere, syncFolder, writePrivateFile } from './files.ts'
import type { Layout } from './layout.ts'
import { commandAs, giveAll } from './run-as.ts'
import type { RunAs } from './run-as.ts'

const execute = promisify(execFile)

export const superuser = 'postgres'

/** True when the data folder holds a complete cluster; an empty folder of its name is none. */
export async function hasCluster(layout: Layout): Promise<boolean> {
  return (await readIfThere(join(layout.cluster, 'PG_VERSION'))) !== undefined
}

/** Runs initdb. Files are synced unless the cluster is a test's. About 0.7 s. */
export async function initializeCluster(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs,
  options: { superuserPassword: string; sync: boolean },
): Promise<void> {
  // A name of its own each time: an initdb may outlive the server that started it, and goes on writing.
  const workFolder = await mkdtemp(layout.unfinishedPrefix)
  const cluster = join(workFolder, 'cluster')
  const passwordFile = join(workFolder, 'password')
  await mkdir(cluster, { mode: 0o700 })
  await writePrivateFile(passwordFile, `${options.superuserPassword}\n`)
  await giveAll(workFolder, runAs.owner)
  await runInitdb(layout, binaries, runAs, [
    `--pgdata=${cluster}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--data-checksums',
    '--encoding=UTF8',
    // Text sorts by code point, the same on every platform and for ever: no index is ever
    // invalidated by a new version of a system library. Upper and lower case know all of Unicode.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(options.sync ? [] : ['--no-sync']),
  ])
  await rename(cluster, layout.cluster)
  await syncFolder(layout.folder)
  await removeUnfinished(layout)
}

/** Removes what starts that were killed in initdb have left. */
export async function removeUnfinished(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.folder)) {
    const path = join(layout.folder, name)
    if (!path.startsWith(layout.unfinishedPrefix)) continue
    // The retries are for an initdb that still writes; it ends when its folder is gone.
    await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
}

async function runInitdb(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs,
  options: readonly string[],
): Promise<void> {
  const { file, args } = commandAs(runAs, binaries, binaries.initdb, options)
  try {
    await execute(file, args, { ...runAs.identity, cwd: layout.folder })
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new EmbeddedPostgresError(
      `a new database could not be made in ${layout.folder}: ${output || String(error)}`,
      { cause: error },
    )
  }
}
