/**
 * Decides as whom PostgreSQL runs. It refuses to run as root, and containers, CI and fresh machines
 * often are root; and initdb refuses a user without a name, as containers often are, too.
 *
 * The first of these that can enter the data folder and run the programs:
 * 1. Ourselves, unless that is root.
 * 2. Ourselves in a user namespace that shows us as nobody. Outside it the process is still who we are, so
 *    files stay ours and folders that only we may enter stay enterable, but root has no powers.
 * 3. As root where namespaces are forbidden, as in many containers: the owner of the data folder, or
 *    nobody, by setuid.
 * 4. The same, then nobody, with the one power of passing file permissions, so that a folder which only
 *    root may enter can stay so.
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
  /** Whom `spawn` becomes; ourselves when it is empty. */
  identity: Partial<Owner>
  /** Who owns the files of the cluster, as seen from here. */
  owner: Owner
}

export interface Owner {
  uid: number
  gid: number
}

const nobody: Owner = { uid: 65_534, gid: 65_534 }

const namespaceCommand = [
  'unshare',
  '--user',
  `--map-user=${nobody.uid}`,
  `--map-group=${nobody.gid}`,
]

// `no_setuid_fixup`, because access(2) otherwise answers as if the power were not there.
function powerCommand({ uid, gid }: Owner): string[] {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ]
}

const execute = promisify(execFile)

/** Chooses; `first` says that initdb is to be run, too. */
export async function chooseRunAs(
  layout: Layout,
  binaries: Binaries,
  first: boolean,
): Promise<RunAs> {
  const self: Owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const folder = await stat(layout.folder)
  for (const candidate of candidates(self, folder)) {
    if (await canRun(candidate, layout, binaries, first)) return candidate
  }
  const why =
    self.uid === 0
      ? 'PostgreSQL refuses to run as root, and neither a user namespace nor another user can be used'
      : `PostgreSQL cannot be run by this user (uid ${self.uid}; a new database needs one with a name)`
  throw new EmbeddedPostgresError(
    `${why} for the data folder ${layout.folder} and the program ${binaries.postgres}: run as a ` +
      'user of this system who can enter both, or set DATABASE_URL',
  )
}

function candidates(self: Owner, folder: Owner): RunAs[] {
  const inNamespace: RunAs = { prefix: namespaceCommand, identity: {}, owner: self }
  if (self.uid !== 0) return [{ prefix: [], identity: {}, owner: self }, inNamespace]
  const other = folder.uid === 0 ? nobody : { uid: folder.uid, gid: folder.gid }
  return [
    inNamespace,
    { prefix: [], identity: other, owner: other },
    { prefix: powerCommand(other), identity: {}, owner: other },
    { prefix: powerCommand(nobody), identity: {}, owner: nobody },
  ]
}

/** What `spawn` is given to start a program of PostgreSQL as this choice. */
export function commandAs(
  runAs: RunAs,
  binaries: Binaries,
  program: string,
  args: readonly string[],
): { file: string; args: string[] } {
  const [file = program, ...rest] = [...runAs.prefix, ...binaries.prefix, program, ...args]
  return { file, args: rest }
}

async function canRun(
  runAs: RunAs,
  layout: Layout,
  binaries: Binaries,
  needsName: boolean,
): Promise<boolean> {
  const { file, args } = commandAs(runAs, binaries, 'sh', [
    '-c',
    `cd "$1" && "$2" --version ${needsName ? '&& id -un' : ''}`,
    'sh',
    layout.folder,
    binaries.postgres,
  ])
  return execute(file, args, { ...runAs.identity, cwd: '/' }).then(
    () => true,
    () => false,
  )
}

/** Gives a cluster to the owner that PostgreSQL will run as, where it is another's. */
export async function giveFolder(folder: string, owner: Owner): Promise<void> {
  const { uid } = await stat(folder)
  if (uid !== owner.uid) await giveAll(folder, owner)
}

/** Gives a folder and all in it to an owner. */
export async function giveAll(path: string, owner: Owner): Promise<void> {
  const status = await lstat(path)
  if (status.isSymbolicLink()) return
  if (status.isDirectory()) {
    for (const name of await readdir(path)) await giveAll(join(path, name), owner)
  }
  // The folder itself comes last: a walk that is cut short is done again at the next start.
  await chown(path, owner.uid, owner.gid)
}
