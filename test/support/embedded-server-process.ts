/** Starts and ends the process of `embedded-server.ts`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface EmbeddedServerProcess {
  pid: number
  /** What it says once PostgreSQL is ready; `undefined` when it ended without. */
  ready: Promise<{ postgresPid: number; ownerUrl: string } | undefined>
  /** The exit code, once it ended; null after a signal. */
  ended: Promise<number | null>
  /** What it wrote to standard error so far. */
  messages(): string
  kill(signal: NodeJS.Signals): void
}

const script = fileURLToPath(new URL('embedded-server.ts', import.meta.url))

export function startEmbeddedServer(
  dataDirectory: string,
  environment?: Record<string, string>,
): EmbeddedServerProcess {
  const child = spawn(process.execPath, [script, dataDirectory], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let messages = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (messages += text))
  const ended = once(child, 'exit').then(() => child.exitCode)
  const firstLine = once(createInterface(child.stdout), 'line').then(([line]) => String(line))
  return {
    pid: child.pid ?? 0,
    ready: Promise.race([firstLine.then(parseReady), ended.then(() => undefined)]),
    ended,
    messages: () => messages,
    kill: (signal) => child.kill(signal),
  }
}

function parseReady(line: string): { postgresPid: number; ownerUrl: string } | undefined {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) return undefined
  const { postgresPid, ownerUrl } = { postgresPid: 0, ownerUrl: '', ...value }
  return { postgresPid, ownerUrl }
}

/** The shell that would stop this PostgreSQL at the end of its server. Linux only. */
export async function findWatchdogOf(postgresPid: number): Promise<number> {
  for (const name of await readdir('/proc')) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (command.includes(`\0tallystick-watchdog\0${postgresPid}\0`)) return Number(name)
  }
  throw new Error(`PostgreSQL ${postgresPid} has no watchdog`)
}
