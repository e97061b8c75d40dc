/**
 * Servers of the release before on the schema of this one: what every rolling deployment has for a
 * while, and what going back to the release before is.
 *
 * The sources come out of git: of the commit that `--previous` names, else of the newest tag, else of
 * the commit before the one that brought the newest migration. They run with the packages of this
 * release, as far as it has them.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Fault, World } from './fault.ts'
import { oldestKinds } from './instructions.ts'

const execute = promisify(execFile)

export const previousRelease: Fault = {
  name: 'previous-release',
  description: 'servers of the release before on the schema of this one, one and then all of them',
  needs: { noFailedRequest: true, twoReleases: true, kinds: oldestKinds },
  async unavailable(world) {
    try {
      const previous = await findPrevious(world)
      const absent = await findAbsentPackages(world, previous)
      if (absent.length === 0) return undefined
      return `${previous} needs packages that are not installed: ${absent.join(', ')}`
    } catch (error) {
      return `git does not give the release before: ${error instanceof Error ? error.message : ''}`
    }
  },
  async inject(world, random) {
    const { servers, load, note } = world
    const previous = await findPrevious(world)
    const root = await checkOut(world, previous)
    note(`the release before is ${previous}`)
    for (const server of random.shuffle(servers)) {
      await server.stop()
      await server.start({ root })
      await load.acknowledged(random.integer(50, 150))
    }
    for (const server of random.shuffle(servers)) {
      await server.stop()
      await server.start()
      await load.acknowledged(random.integer(20, 50))
    }
  },
}

const moduleFolders = ['node_modules', 'server/node_modules']

type Place = Pick<World, 'root' | 'previous'>

async function findPrevious({ root, previous }: Place): Promise<string> {
  if (previous !== undefined) return git(root, 'rev-parse', '--short', `${previous}^{commit}`)
  const [tag] = (await git(root, 'tag', '--sort=-creatordate', '--no-contains', 'HEAD')).split('\n')
  if (tag) return tag
  const newest = (await readdir(join(root, 'server/migrations'))).toSorted().at(-1)
  const added = ['log', '-1', '--diff-filter=A', '--format=%H', '--']
  const commit = await git(root, ...added, `server/migrations/${newest}`)
  // A migration that is not committed yet has the present commit before it.
  return git(root, 'rev-parse', '--short', '--verify', commit ? `${commit}^` : 'HEAD')
}

/** What its server depends on and this one does not any more. */
async function findAbsentPackages({ root }: Place, commit: string): Promise<string[]> {
  const packageJson: unknown = JSON.parse(await git(root, 'show', `${commit}:server/package.json`))
  const names = Object.keys(Object(Object(packageJson)['dependencies']))
  return names.filter(
    (name) => !moduleFolders.some((modules) => existsSync(join(root, modules, name))),
  )
}

/** The sources of that commit beside the data of the bank, with which they go. */
async function checkOut({ root, postgres }: World, commit: string): Promise<string> {
  const folder = join(dirname(postgres.dataDirectory), `release-${commit}`)
  const made = await mkdir(folder, { recursive: true })
  if (made === undefined) return folder
  const archive = join(folder, 'release.tar')
  await git(root, 'archive', `--output=${archive}`, commit, 'server', 'tools', 'package.json')
  await execute('tar', ['-xf', archive, '-C', folder])
  for (const modules of moduleFolders) {
    if (existsSync(join(root, modules))) await symlink(join(root, modules), join(folder, modules))
  }
  return folder
}

async function git(root: string, ...words: string[]): Promise<string> {
  const { stdout } = await execute('git', ['-C', root, ...words])
  return stdout.trim()
}
