/**
 * Starts a bank as a process of its own, as `npm start` does, and waits until it is ready. For the
 * demo, the bench and the tests of the running bank.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StartError } from '../server/src/process/start-error.ts'

const ownRoot = fileURLToPath(new URL('../', import.meta.url))

/** What `npm start` gives to node: limits of its memory in the environment and as flags, and the program. */
function readStart(root: string): { words: string[]; environment: Record<string, string> } {
  const text = readFileSync(join(root, 'package.json'), 'utf8')
  const start = /"start": "exec (?:env ([^"]+) )?node ([^"]+)"/.exec(text)
  const words = start?.[2]?.split(' ')
  if (words === undefined) throw new StartError(`${root} has no program to start`)
  const settings = start?.[1]?.split(' ') ?? []
  return { words, environment: Object.fromEntries(settings.map((each) => each.split('='))) }
}

const outputLengthMax = 256 * 1024

export interface BankProcess {
  process: ChildProcess
  baseUrl: string
  metricsUrl: string
  /** From the spawn until `/readyz` said yes. */
  readyMilliseconds: number
  /** The end of what it wrote to standard output and standard error. */
  output(): string
  /** Its exit code, once it has ended; null after a signal that it could not answer. */
  exited: Promise<number | null>
  /** Asks it to stop and resolves with its exit code. */
  stop(): Promise<number | null>
  /** Ends it at once, as `kill -9` does, and resolves when it is gone. */
  kill(): Promise<void>
}

export interface BankProcessOptions {
  /** DATA_DIR; without it whatever app.env and the environment say. */
  dataDirectory?: string
  /** Host and port to listen on; without it a free port of the loopback address. */
  address?: string
  /** Settings over the environment of this process. */
  settings?: Readonly<Record<string, string>>
  readyTimeoutMilliseconds?: number
  /** Where package.json and the sources are, for another release than this one. */
  root?: string
}

/** A TCP port on the loopback address that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Rejects, with what the process wrote, when it ends or the time is up before it is ready. */
export async function startBankProcess(options: BankProcessOptions): Promise<BankProcess> {
  const address = options.address ?? `127.0.0.1:${await freePort()}`
  const metricsAddress = `127.0.0.1:${await freePort()}`
  const started = performance.now()
  const root = options.root ?? ownRoot
  const start = readStart(root)
  const child = spawn(process.execPath, start.words, {
    cwd: root,
    env: {
      ...process.env,
      ...start.environment,
      ...(options.dataDirectory === undefined ? {} : { DATA_DIR: options.dataDirectory }),
      SERVER_ADDRESS: address,
      METRICS_ADDRESS: metricsAddress,
      ...options.settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-outputLengthMax))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const baseUrl = `http://${address}`

  const deadline = started + (options.readyTimeoutMilliseconds ?? 60_000)
  while (!(await isReady(baseUrl))) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    if (hasEnded || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new StartError(`the bank did not become ready:\n${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    process: child,
    baseUrl,
    metricsUrl: `http://${metricsAddress}/metrics`,
    readyMilliseconds: performance.now() - started,
    output: () => output,
    exited,
    stop() {
      child.kill('SIGTERM')
      return exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function isReady(baseUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${baseUrl}/readyz`)).ok
  } catch {
    return false
  }
}
