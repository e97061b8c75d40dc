/** Looks at and ends processes by pid, never without knowing whose the pid is. */
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { hasCode } from './files.ts'

const execute = promisify(execFile)
const POLL_MILLISECONDS = 20

/**
 * True while the process runs. One that has ended counts as gone, also where nobody collects its exit
 * status: the first process of a container often does not.
 */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
  if (process.platform !== 'linux') return true
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The state follows the name, which is in parentheses and may itself hold some.
  const state = status.slice(status.lastIndexOf(')') + 2).charAt(0)
  return state !== '' && state !== 'Z' && state !== 'X'
}

/** Sends a signal; a process that is gone is fine. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

/** True when the process ended within the limit. */
export async function waitForEnd(pid: number, limitMilliseconds: number): Promise<boolean> {
  const deadline = performance.now() + limitMilliseconds
  while (await isAlive(pid)) {
    if (performance.now() > deadline) return false
    await sleep(POLL_MILLISECONDS)
  }
  return true
}

/** True when the pid is, at this moment, a PostgreSQL process of that cluster. */
export async function isPostgresOf(pid: number, cluster: string): Promise<boolean> {
  return process.platform === 'linux' ? worksIn(pid, cluster) : hasArgument(pid, cluster)
}

/**
 * All PostgreSQL processes of the cluster, backends that outlived their postmaster included. Known on
 * Linux only; elsewhere none are found.
 */
export async function findPostgresOf(cluster: string): Promise<number[]> {
  if (process.platform !== 'linux') return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map((pid) => worksIn(pid, cluster)))
  return pids.filter((_, index) => found[index])
}

/** PostgreSQL's processes have its folder as working directory. */
async function worksIn(pid: number, cluster: string): Promise<boolean> {
  try {
    if ((await readlink(`/proc/${pid}/cwd`)) !== cluster) return false
    return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim() === 'postgres'
  } catch {
    // Gone, or a process of another user, who cannot be inside our private folder.
    return false
  }
}

async function hasArgument(pid: number, cluster: string): Promise<boolean> {
  try {
    const { stdout } = await execute('ps', ['-ww', '-o', 'args=', '-p', String(pid)])
    return stdout.includes('postgres') && stdout.includes(` -D ${cluster} `)
  } catch {
    return false
  }
}
