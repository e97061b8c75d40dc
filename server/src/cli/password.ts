/**
 * Reading a password: from standard input when that is no terminal, otherwise typed twice without
 * being shown. Never from the arguments, which every user of the machine can list.
 */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'

export async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return withoutLastLineEnd(await text(process.stdin))
  const first = await ask('Password: ')
  const second = await ask('Again: ')
  if (first !== second) throw new CommandError('the two passwords differ')
  return first
}

/** What `echo` and editors put at the end is not a part of a password. */
export function withoutLastLineEnd(input: string): string {
  return input.replace(/\r?\n$/, '')
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question)
  // Readline repeats what is typed on its output: this one swallows it.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  const interrupted = new Promise<never>((_resolve, reject) => {
    terminal.once('SIGINT', () => reject(new CommandError('stopped')))
  })
  try {
    return await Promise.race([terminal.question(''), interrupted])
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
