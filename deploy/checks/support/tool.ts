/** Runs the tools of the checks as processes, and finds them where they are installed. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface ToolOptions {
  folder?: string
  input?: string
  /** Over the environment of this process. */
  environment?: Readonly<Record<string, string>>
  timeoutMilliseconds?: number
}

export interface ToolResult {
  /** null after a signal, such as that of the time limit. */
  exitCode: number | null
  output: string
  complaints: string
}

const defaultTimeoutMilliseconds = 300_000

/** The full path of a command on the PATH, or in the folder where `go install` puts commands. */
export function findTool(command: string): string | undefined {
  const goFolder =
    process.env['GOBIN'] ?? join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'bin')
  return [...(process.env['PATH'] ?? '').split(delimiter), goFolder]
    .map((folder) => join(folder, command))
    .find(isExecutable)
}

/** Resolves with what the tool said, whatever its exit code; rejects when it cannot be started. */
export function runTool(
  command: string,
  words: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, {
      stdio: 'pipe',
      env: { ...process.env, ...options.environment },
      timeout: options.timeoutMilliseconds ?? defaultTimeoutMilliseconds,
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
    })
    const output: Buffer[] = []
    const complaints: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', (exitCode) =>
      resolve({
        exitCode,
        output: Buffer.concat(output).toString(),
        complaints: Buffer.concat(complaints).toString(),
      }),
    )
    child.stdin.end(options.input ?? '')
  })
}

/** Resolves with its standard output; rejects, with what it complained of, unless it exits 0. */
export async function expectTool(
  command: string,
  words: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { exitCode, output, complaints } = await runTool(command, words, options)
  if (exitCode === 0) return output
  const said = `${complaints}${output}`.trim().split('\n').slice(-20).join('\n')
  throw new Error(`${command} ${words.join(' ')} exited with ${exitCode}:\n${said}`)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
