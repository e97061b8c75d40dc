/**
 * Makes a new cluster: in a folder of another name, which is renamed when it is complete and on disk,
 * so a start that is killed half way leaves nothing that looks like a database.
 */
import { execFile } from 'node:child_process'
import { chown, mkdir, rename, rm, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './error.ts'
import { hasCode, syncFolder, writePrivateFile } from './files.ts'
import type { Layout } from './layout.ts'
import { commandAs } from './run-as.ts'
import type { RunAs } from './run-as.ts'

const execute = promisify(execFile)

export const superuser = 'postgres'

/** True when the data folder holds a complete cluster. */
export async function hasCluster(layout: Layout): Promise<boolean> {
  try {
    return (await stat(layout.cluster)).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Runs initdb. Files are synced unless the cluster is a test's. About 0.7 s. */
export async function initializeCluster(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs,
  options: { superuserPassword: string; sync: boolean },
): Promise<void> {
  const passwordFile = `${layout.unfinishedCluster}.password`
  await rm(layout.unfinishedCluster, { recursive: true, force: true })
  await mkdir(layout.unfinishedCluster, { mode: 0o700 })
  await writePrivateFile(passwordFile, `${options.superuserPassword}\n`)
  await chown(layout.unfinishedCluster, runAs.uid, runAs.gid)
  await chown(passwordFile, runAs.uid, runAs.gid)
  try {
    await runInitdb(layout, binaries, runAs, [
      `--pgdata=${layout.unfinishedCluster}`,
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
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rename(layout.unfinishedCluster, layout.cluster)
  await syncFolder(layout.folder)
}

async function runInitdb(
  layout: Layout,
  binaries: Binaries,
  runAs: RunAs,
  options: readonly string[],
): Promise<void> {
  const { file, args, identity } = commandAs(runAs, binaries, binaries.initdb, options)
  try {
    await execute(file, args, { ...identity, cwd: layout.folder })
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new EmbeddedPostgresError(
      `a new database could not be made in ${layout.folder}: ${output || String(error)}`,
      { cause: error },
    )
  }
}
