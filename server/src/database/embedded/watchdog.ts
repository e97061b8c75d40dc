/**
 * Stops PostgreSQL when this process is gone, whatever ended it. A shell in a session of its own waits on
 * a pipe that only this process holds open; the end of the pipe is the end of this process.
 *
 * It is a courtesy, so that a killed server leaves nothing behind: the next start copes without it.
 */
import { spawn } from 'node:child_process'
import { postmasterFile } from './postmaster-file.ts'

// The pid is signalled only while the cluster's own file names it, so never another's.
const script = 'read -r _; test "$(head -n 1 "$2" 2>/dev/null)" = "$1" && kill -INT "$1"'

export function startWatchdog(pid: number, cluster: string): { stop(): void } {
  const child = spawn(
    'sh',
    ['-c', script, 'tallystick-watchdog', String(pid), postmasterFile(cluster)],
    {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  return { stop: () => child.stdin.end() }
}
