/** Runs the `tallystick` command as a process of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The program, for who wants more of its process than {@link runCommand} gives. */
export const commandEntry = fileURLToPath(new URL('../server/src/cli/main.ts', import.meta.url))

export interface CommandOptions {
  /** Standard input. */
  input?: string
  /** Settings over the environment of this process. */
  settings?: Readonly<Record<string, string>>
}

/** Resolves with what the command printed; rejects, with what it complained of, unless it exits 0. */
export function runCommand(
  words: readonly string[],
  { input = '', settings = {} }: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...settings }
    const child = spawn(process.execPath, [commandEntry, ...words], { stdio: 'pipe', env })
    let output = ''
    let complaints = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(output.trimEnd())
      else
        reject(
          new Error(`tallystick ${words.join(' ')} exited with ${code}: ${complaints}${output}`),
        )
    })
    child.stdin.end(input)
  })
}
