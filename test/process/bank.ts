/**
 * A bank as a process of the operating system, started in any of the ways that people use, for tests
 * of how it starts and stops.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { projectDirectory } from '../../server/src/config/sources.ts'

export interface SpawnedBank {
  /** The process that was started: the server itself, or npm or a shell above it. */
  pid: number
  /** Resolves with exit code or signal of that process. */
  exited: Promise<number | NodeJS.Signals | null>
  stdout(): string
  stderr(): string
  /** Resolves with the line of the log that says where the bank is; rejects when it ended before. */
  opened(): Promise<{ api: string; metrics: string }>
  /** Closes this end of its standard output and standard error. */
  stopReading(): void
  /** Resolves when standard output and standard error have ended: no process holds them any more. */
  closed: Promise<void>
}

export const serverWords = [process.execPath, 'server/src/main.ts']

/** In a process group of its own, with loopback ports of its own and no app.env. */
export function spawnBank(
  settings: Readonly<Record<string, string>>,
  [program = '', ...words]: readonly string[] = serverWords,
): SpawnedBank {
  const child = spawn(program, words, {
    cwd: projectDirectory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      APP_ENV_FILE: '/dev/null',
      SERVER_ADDRESS: '127.0.0.1:0',
      METRICS_ADDRESS: '127.0.0.1:0',
      ...settings,
    },
  })
  let stdout = ''
  let stderr = ''
  const opening = Promise.withResolvers<{ api: string; metrics: string }>()
  opening.promise.catch(() => undefined)
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    const open = findOpenLine(stdout)
    if (open) opening.resolve(open)
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  )
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void closed.then(() => opening.reject(new Error(`the bank did not open:\n${stdout}${stderr}`)))
  if (child.pid === undefined) throw new Error(`${program} cannot be started`)
  return {
    pid: child.pid,
    exited,
    closed,
    stopReading() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
    stdout: () => stdout,
    stderr: () => stderr,
    opened: () => opening.promise,
  }
}

function findOpenLine(stdout: string): { api: string; metrics: string } | undefined {
  const line = stdout.split('\n').find((text) => text.endsWith('"msg":"open"}'))
  if (line === undefined) return undefined
  const parsed: unknown = JSON.parse(line)
  if (typeof parsed !== 'object' || parsed === null) return undefined
  if (!('api' in parsed) || !('metrics' in parsed)) return undefined
  return { api: String(parsed.api), metrics: String(parsed.metrics) }
}

/** The process id of the PostgreSQL of a data folder. */
export async function postgresPid(dataDirectory: string): Promise<number> {
  const text = await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')
  return Number(text.split('\n')[0])
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Asks again and again until it is so; the limit of the test is the limit. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await delay(10)
}

/** Asks again and again until it is so, and fails with what the bank wrote when it ends before. */
export async function untilOf(
  bank: SpawnedBank,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const ended = bank.closed.then(() => {
    throw new Error(`the bank has ended:\n${bank.stdout()}${bank.stderr()}`)
  })
  await Promise.race([until(condition), ended])
}

export interface HalfRequest {
  /** Sends the other half and resolves with the answer. */
  finish(): Promise<{ status: number | undefined; connection: string | undefined }>
}

/** Sends a sign-up but for the end of its body, so that it is in flight for as long as is wanted. */
export async function startSignUp(
  bank: SpawnedBank,
  { api, metrics }: { api: string; metrics: string },
  username: string,
): Promise<HalfRequest> {
  const body = JSON.stringify({
    username,
    password: 'correct horse battery',
    full_name: 'Ann',
    email: `${username}@example.com`,
  })
  const client = request(`${api}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    client.once('response', resolve)
    client.once('error', reject)
  })
  answer.catch(() => undefined)
  client.write(body.slice(0, 10))
  await untilOf(bank, async () => {
    const text = await fetch(metrics).then((response) => response.text())
    return /^tallystick_http_requests_in_flight 1$/m.test(text)
  })
  return {
    async finish() {
      client.end(body.slice(10))
      const { statusCode: status, headers } = await answer
      return { status, connection: headers.connection }
    },
  }
}
