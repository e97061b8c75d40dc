/** The few options of the server's command line; everything else is a setting. */
import { parseArgs } from 'node:util'
import { StartError } from './start-error.ts'

export type Arguments =
  | { kind: 'help' }
  | { kind: 'version' }
  /** Settings that win over the environment. */
  | { kind: 'start'; settings: Readonly<Record<string, string>> }

export const usage = `Usage: npm start -- [options]

Runs the bank. Settings come from the environment and from app.env: see app.env.example.

Options:
  --wait-db <duration>  wait for a database that is coming up, for example 60s (WAIT_DB)
  --version             print the version
  --help                print this
`

export function parseArguments(texts: readonly string[]): Arguments {
  const { values } = parse(texts)
  if (values.help) return { kind: 'help' }
  if (values.version) return { kind: 'version' }
  const waitDb = values['wait-db']
  return { kind: 'start', settings: waitDb === undefined ? {} : { WAIT_DB: waitDb } }
}

function parse(texts: readonly string[]) {
  try {
    return parseArgs({
      args: [...texts],
      options: {
        'wait-db': { type: 'string' },
        version: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(`${reason}\n\n${usage}`)
  }
}
