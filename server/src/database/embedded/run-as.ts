/**
 * Decides as whom PostgreSQL runs. It refuses to run as root, and containers, CI and fresh machines
 * often are root.
 *
 * As anyone else: as ourselves. As root, the first that can enter the data folder and the programs:
 * 1. In a user namespace that shows root as nobody. Files stay root's, and folders that only root may
 *    enter stay enterable, since outside the namespace the process still is root, without its powers.
 * 2. Where namespaces are forbidden, or the data folder belongs to another user: as the owner of the data
 *    folder, or nobody, by setuid. The data folder then belongs to that user.
 */
import { execFile } from 'node:child_process'
import { chown, lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './error.ts'
import type { Binaries } from './binaries.ts'
import type { Layout } from './layout.ts'

export interface RunAs {
  /** A command to put before PostgreSQL's; it replaces itself, so the pid is PostgreSQL's. */
  prefix: readonly string[]
  /** Who owns the files; also whom to become, where that is not who we are. */
  uid: number
  gid: number
}

const NOBODY = 65_534

const execute = promisify(execFile)

/** Chooses, and makes the cluster's folder owned by the choice. */
export async function chooseRunAs(layout: Layout, binaries: Binaries): Promise<RunAs> {
  const ourselves = { prefix: [], uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  if (ourselves.uid !== 0) return ourselves
  const owner = await stat(layout.folder)
  const namespace = {
    prefix: ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`],
    uid: 0,
    gid: ourselves.gid,
  }
  if (owner.uid === 0 && process.platform === 'linux') {
    if (await canRun(namespace, layout, binaries)) return namespace
  }
  const other =
    owner.uid === 0
      ? { prefix: [], uid: NOBODY, gid: NOBODY }
      : { prefix: [], uid: owner.uid, gid: owner.gid }
  await chown(layout.folder, other.uid, other.gid)
  if (await canRun(other, layout, binaries)) return other
  await chown(layout.folder, owner.uid, owner.gid)
  throw new EmbeddedPostgresError(
    'PostgreSQL refuses to run as root, this system forbids user namespaces, and user ' +
      `${other.uid} cannot enter ${layout.folder} or run ${binaries.postgres}: run as another user, ` +
      'move both to where that user can read them, or set DATABASE_URL',
  )
}

/** How `spawn` starts a command as this choice. */
export function commandAs(
  runAs: RunAs,
  binaries: Binaries,
  program: string,
  args: readonly string[],
): { file: string; args: string[]; identity: { uid?: number; gid?: number } } {
  const [file = program, ...rest] = [...runAs.prefix, ...binaries.prefix, program, ...args]
  const identity = runAs.uid === process.getuid?.() ? {} : { uid: runAs.uid, gid: runAs.gid }
  return { file, args: rest, identity }
}

async function canRun(runAs: RunAs, layout: Layout, binaries: Binaries): Promise<boolean> {
  const { file, args, identity } = commandAs(runAs, binaries, 'sh', [
    '-c',
    'test -w "$1" && cd "$1" && "$2" --version',
    'sh',
    layout.folder,
    binaries.postgres,
  ])
  return execute(file, args, { ...identity, cwd: '/' }).then(
    () => true,
    () => false,
  )
}

/** Gives a folder and all in it to the owner that PostgreSQL will run as, where it is another's. */
export async function giveFolder(folder: string, runAs: RunAs): Promise<void> {
  const { uid } = await stat(folder)
  if (uid === runAs.uid) return
  await giveAll(folder, runAs)
}

async function giveAll(path: string, runAs: RunAs): Promise<void> {
  const status = await lstat(path)
  if (status.isSymbolicLink()) return
  if (status.isDirectory()) {
    for (const name of await readdir(path)) await giveAll(join(path, name), runAs)
  }
  // The folder itself comes last: a walk that is cut short is done again at the next start.
  await chown(path, runAs.uid, runAs.gid)
}
